// A viewer of others in headless Chromium, and what it drew.
//
//   node view.mjs dwv BINARY_URL OUT.png            dwv, of a FHIR Binary
//   node view.mjs ohif DICOMWEB_ROOT STUDY OUT.png  OHIF, of a study; OHIF_DIST is its built app
//
// OUT.png is the window; OUT.canvas.png is the picture alone, without what is written over it.
// Page and data share one origin through the proxy here, so the servers need no CORS.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const FLAGS = ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const SOFTWARE_GL = ['--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'];
const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html', '.json': 'application/json',
  '.svg': 'image/svg+xml', '.wasm': 'application/wasm' };
const WAIT = 90_000;

// Send what comes in to this URL, headers and all.
function passOn(request, reply, url, headers = {}) {
  const upstream = http.request(url, { method: request.method, headers: { ...request.headers, host: url.host, ...headers } },
    (answer) => { reply.writeHead(answer.statusCode, answer.headers); answer.pipe(reply); });
  upstream.on('error', () => reply.writeHead(502).end());
  request.pipe(upstream);
}

const answer = (reply, type, text) => reply.writeHead(200, { 'content-type': type }).end(text);

async function makeDwv(binary) {
  const { default: esbuild } = await import('esbuild');
  const source = `import { App, AppOptions, ViewConfig } from 'dwv';
    const options = new AppOptions({ '*': [new ViewConfig('layerGroup0')] });
    const app = new App();
    app.init(options);
    for (const one of ['renderend', 'loaderror', 'error'])
      app.addEventListener(one, (event) => { document.title = one + ' ' + (event.error?.message ?? ''); });
    app.loadURLs(['/data'], { requestHeaders: [{ name: 'Accept', value: 'application/dicom' }] });`;
  const built = await esbuild.build({ stdin: { contents: source, resolveDir: HERE }, bundle: true, format: 'esm',
    write: false, platform: 'browser', logLevel: 'error' });  // dwv names konva and jszip without a path
  const page = `<!doctype html><body style="margin:0;background:#222">
    <div id="layerGroup0" style="width:512px;height:512px"></div><script type="module" src="/app.js"></script>`;
  return {
    flags: ['--disable-gpu'], size: { width: 512, height: 512 }, start: '/', canvas: '#layerGroup0 canvas',
    serve: (request, reply) => {
      if (request.url === '/') answer(reply, 'text/html', page);
      else if (request.url === '/app.js') answer(reply, 'text/javascript', built.outputFiles[0].contents);
      else if (request.url === '/data') passOn(request, reply, new URL(binary), { accept: 'application/dicom' });
      else reply.writeHead(404).end();
    },
    drawn: async (page) => {
      await page.waitForFunction(() => /^(renderend|loaderror|error)/.test(document.title), null, { timeout: WAIT });
      const title = await page.title();
      if (!title.startsWith('renderend')) throw new Error(`dwv: ${title}`);
    },
  };
}

function makeOhif(root, study) {
  const dist = process.env.OHIF_DIST;
  const upstream = new URL(root);
  const source = { friendlyName: 'test', name: 'test', qidoRoot: upstream.pathname, wadoRoot: upstream.pathname,
    qidoSupportsIncludeField: false, imageRendering: 'wadors', thumbnailRendering: 'wadors',
    enableStudyLazyLoad: true, supportsFuzzyMatching: false, supportsWildcard: true,
    singlepart: 'bulkdata,video', omitQuotationForMultipartRequest: true };
  const config = { routerBasename: '/', showStudyList: true, extensions: [], modes: [], maxNumberOfWebWorkers: 1,
    useSharedArrayBuffer: 'FALSE', defaultDataSourceName: 'dicomweb', dataSources: [{ sourceName: 'dicomweb',
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb', configuration: source }] };
  return {
    flags: SOFTWARE_GL, size: { width: 1100, height: 750 }, start: `/viewer?StudyInstanceUIDs=${study}`,
    canvas: '.cornerstone-canvas',
    serve: (request, reply) => {
      const name = decodeURIComponent(request.url.split('?')[0]);
      if (name === '/app-config.js') return answer(reply, 'text/javascript', `window.config = ${JSON.stringify(config)};`);
      if (name.startsWith(upstream.pathname)) return passOn(request, reply, new URL(request.url, upstream));
      let file = path.join(dist, path.normalize(name));
      if (!fs.existsSync(file) || fs.statSync(file).isDirectory()) file = path.join(dist, 'index.html');
      return answer(reply, TYPES[path.extname(file)] ?? 'application/octet-stream', fs.readFileSync(file));
    },
    // The canvas is there before its picture: wait until it has more than one grey, twice the same.
    drawn: (page) => page.waitForFunction((selector) => {
      const canvas = document.querySelector(selector);
      if (!canvas?.width) return false;
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const values = new Set();
      for (let at = 0; at < data.length; at += 404) values.add(data[at]);
      const shown = canvas.toDataURL();
      const same = window.shownBefore === shown;
      window.shownBefore = shown;
      return same && values.size > 8;
    }, '.cornerstone-canvas', { timeout: WAIT, polling: 1000 }),
  };
}

const [, , kind, ...given] = process.argv;
const out = given.at(-1);
const viewer = kind === 'dwv' ? await makeDwv(given[0]) : makeOhif(given[0], given[1]);
const server = http.createServer(viewer.serve).listen(0, '127.0.0.1');
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: [...FLAGS, ...viewer.flags] });
try {
  const page = await browser.newPage({ viewport: viewer.size });
  page.on('pageerror', (error) => console.log('page:', error.message.slice(0, 200)));
  await page.goto(`http://127.0.0.1:${server.address().port}${viewer.start}`, { timeout: WAIT });
  // OHIF greets with a tour over the picture.
  await page.addStyleTag({ content: '[class^="shepherd-"] { display: none !important }' });
  try {
    await viewer.drawn(page);
  } finally {
    await page.screenshot({ path: out });
  }
  const picture = await page.evaluate((selector) => document.querySelector(selector).toDataURL(), viewer.canvas);
  fs.writeFileSync(out.replace(/\.png$/, '.canvas.png'), Buffer.from(picture.split(',')[1], 'base64'));
} finally {
  await browser.close();
  server.close();
  server.closeAllConnections();
}
