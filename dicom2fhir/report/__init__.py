"""What a run did, for people and for programs: the JSON report, the summary, the inspect table."""
