// What the scenarios share: the unmodified client, pointed at the server under test.
import { Sandbox } from 'e2b';

export const options = {
  apiKey: process.env.LAMBENT_KEY,
  apiUrl: process.env.LAMBENT_URL,
  sandboxUrl: process.env.LAMBENT_URL,
};

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function eventually(condition, ms = 10_000) {
  const until = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > until) throw new Error(`it did not come true: ${condition}`);
    await sleep(30);
  }
}

// Gives a sandbox that ends with the scenario.
export async function withSandbox(work, wanted = {}) {
  const sandbox = await Sandbox.create({ ...options, ...wanted });
  try {
    await work(sandbox);
  } finally {
    await sandbox.kill();
  }
}
