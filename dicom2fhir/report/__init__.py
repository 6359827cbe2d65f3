"""What a run did, for people and for programs: JSON, page, summary, table."""
