import { Agent, request } from "undici";
import { now } from "./stats.ts";

// The same PATCH without a server around it, in a process of its own; results go to the parent.
const [url = "", latencyCalls, throughputCalls, concurrency] = process.argv.slice(2);
const dispatcher = new Agent({ connections: 16 });
const headers = { authorization: "Bearer bench", "content-type": "application/json" };
const body = JSON.stringify({ profile: { first_name: "Jane", last_name: "Smith" } });

const patch = async (): Promise<void> => {
  const { statusCode, body: answer } = await request(url, {
    method: "PATCH",
    headers,
    body,
    dispatcher,
  });
  answer.resume();
  if (statusCode !== 204) throw new Error(`HTTP ${statusCode}`);
};

process.on("message", async () => {
  const latencies: number[] = [];
  for (let i = 0; i < Number(latencyCalls); i++) {
    const started = now();
    await patch();
    latencies.push(now() - started);
  }
  const started = now();
  let left = Number(throughputCalls);
  const worker = async () => {
    while (left-- > 0) await patch();
  };
  await Promise.all(Array.from({ length: Number(concurrency) }, worker));
  process.send?.({ latencies, perSecond: Number(throughputCalls) / ((now() - started) / 1000) });
});
process.on("disconnect", () => process.exit());
