// Sandboxes do not see each other; nothing leads out of one; what listens in one has a name of its own.
import assert from 'node:assert/strict';
import http from 'node:http';
import { AuthenticationError, Sandbox, SandboxError } from 'e2b';
import { eventually, options, withSandbox } from './support.mjs';

// A request as a browser makes it that finds the sandbox by its host name.
const visit = (host, headers = {}) =>
  new Promise((resolve, reject) => {
    const asked = http.get(options.apiUrl, { headers: { host, ...headers } }, async (reply) => {
      const pieces = await reply.toArray();
      resolve({ status: reply.statusCode, text: Buffer.concat(pieces).toString() });
    });
    asked.on('error', reject);
  });

await withSandbox((one) =>
  withSandbox(
    async (other) => {
      await one.files.write('mine.txt', 'mine');
      assert.equal(await other.files.exists('mine.txt'), false);
      const sleeper = await one.commands.run('sleep 600', { background: true, timeoutMs: 0 });
      assert.deepEqual(await other.commands.list(), []);
      assert.equal((await other.commands.run('pgrep -x sleep || echo none')).stdout, 'none\n');
      assert.equal(await one.commands.kill(sleeper.pid), true);

      const asked = { method: 'POST', headers: { 'content-type': 'application/json', 'E2b-Sandbox-Id': one.sandboxId } };
      const list = (token) =>
        fetch(`${options.apiUrl}/process.Process/List`, {
          ...asked,
          headers: { ...asked.headers, 'X-Access-Token': token },
          body: '{}',
        });
      assert.equal((await list(one.envdAccessToken)).status, 200);
      assert.equal((await list(other.envdAccessToken)).status, 401);

      await one.commands.run('ln -s /etc leads; ln -s /etc/passwd out');
      for (const path of ['../../etc/passwd', 'leads/passwd', 'out'])
        await assert.rejects(one.files.read(path), SandboxError, path);
      await assert.rejects(one.files.write('leads/new', 'x'), SandboxError);
      await assert.rejects(one.files.list('leads'), SandboxError);

      await one.files.write('index.html', '<p>hello</p>');
      await one.commands.run('python3 -m http.server 3000', { background: true, timeoutMs: 0 });
      await eventually(async () => (await visit(one.getHost(3000))).text === '<p>hello</p>');
      assert.match((await visit(other.getHost(3000), { 'e2b-traffic-access-token': other.trafficAccessToken })).text, /port is not open/);
      assert.equal((await visit(other.getHost(3000))).status, 403);
    },
    { network: { allowPublicTraffic: false } },
  ),
);

await assert.rejects(Sandbox.connect('00000000-0000-4000-8000-000000000000', { ...options, apiKey: 'wrong' }), AuthenticationError);
