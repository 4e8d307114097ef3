import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { runCli } from "../test/support/run-cli.ts";
import { app, startServer, user } from "../test/support/server-process.ts";

const { version, bin, engines } = JSON.parse(readFileSync("package.json", "utf8"));

/** The built file, and the range of Nodes that it supports. */
export const file: string = Object.values<string>(bin)[0] ?? assert.fail("no bin");
export const nodes: string = engines.node;

/** A short life of the built file: what it must do alike on every Node and system. */
export const live = async (command: string[]): Promise<void> => {
  const told = await runCli(["--version"], {}, command);
  assert.deepEqual(told, { code: 0, out: `${version}\n`, err: "" });
  const { code, err } = await runCli(["--check", "--sandbox"], {}, command);
  assert.deepEqual({ code, err }, { code: 0, err: "" });

  const server = startServer({ command, args: ["--sandbox"] });
  const greeting = JSON.stringify((await server.initialize()).result);
  assert.ok(greeting.includes(`"version":"${version}"`), greeting);
  const list = JSON.stringify((await server.request("tools/list")).result);
  assert.deepEqual(list.match(/"name":"\w+"/g), ['"name":"update_user_profile"']);
  const call = async (args: object) => {
    const answer = await server.callTool({ app_id: app, user_id: user, ...args });
    return answer.structured;
  };
  assert.equal((await call({ profile: { first_name: "Jané 王" } })).status, "updated");
  const profile = { first_name: "Jane", sub: "x" };
  const partly = await call({ profile, on_reserved_key: "skip" });
  assert.deepEqual([partly.status, partly.updated_keys], ["partially_updated", ["first_name"]]);
  const nobody = await call({ user_id: "usr_01jqebhswje1ka1z7ahr9rfsgz", profile });
  assert.equal(nobody.error?.code, "user_not_found");
  assert.deepEqual(await server.close(), { code: 0, signal: null });
  assert.equal(server.stderr(), "");
};

/** Tries one thing, says how it went, and whether it went well. */
export const tell = async (what: string, tryIt: () => Promise<unknown>): Promise<boolean> => {
  try {
    await tryIt();
    console.log(`ok      ${what}`);
    return true;
  } catch (error) {
    // A crash prints the line of the minified file that it happened in: all of it.
    const lines = String(error instanceof Error ? error.stack : error).split("\n");
    console.log(`FAILED  ${what}  ${lines.map((line) => line.slice(0, 200)).join("\n")}`);
    return false;
  }
};
