// Units as a JSON list on stdin; on stdout the list of those that are no UCUM.
import { readFileSync } from 'node:fs';
import ucum from '@lhncbc/ucum-lhc';

const judge = ucum.UcumLhcUtils.getInstance();
const units = JSON.parse(readFileSync(0, 'utf8'));
const refused = units.filter((unit) => judge.validateUnitString(unit).status !== 'valid');
process.stdout.write(JSON.stringify(refused));
