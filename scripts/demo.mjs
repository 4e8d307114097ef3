import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { json as readJson } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

// Plays an agent's conversation with the built server in its sandbox mode and checks every answer.
// --short plays what the README's picture shows; a path plays it with another server.

const options = { short: { type: "boolean", default: false } };
const { values, positionals } = parseArgs({ options, allowPositionals: true });
const { short } = values;
const [server = fileURLToPath(new URL("../dist/prelude-profile-mcp.cjs", import.meta.url))] =
  positionals;
const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const timeoutMs = 30_000;

// An app and a user that the sandbox knows.
const app_id = "54e9ujn";
const user_id = "usr_01jqebhswje1ka1z7ahr9rfsgt";

const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
const forced = FORCE_COLOR !== undefined && !["0", "false"].includes(FORCE_COLOR);
const onTerminal = FORCE_COLOR === undefined && process.stdout.isTTY && TERM !== "dumb";
const coloured = !NO_COLOR && (forced || onTerminal);
const sgr = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, magenta: 35, cyan: 36 };
const paint = (text, style) => (coloured && style ? `\u001b[${sgr[style]}m${text}\u001b[0m` : text);

const indent = 9;
const width = Math.max(60, Math.min(96, process.stdout.columns ?? 96));
const noBreak = "\u00a0";
const onOneLine = (text) => text.replaceAll(" ", noBreak);

/** Fills lines with the words of pieces of text; neighbours of one style become one piece again. */
const wrap = (pieces, columns) => {
  const lines = [];
  let room = 0;
  for (const [text, style] of pieces) {
    for (const word of text.split(" ")) {
      if (word.length + 1 > room) {
        lines.push([]);
        room = columns + 1;
      }
      room -= word.length + 1;
      const line = lines.at(-1);
      const last = line.at(-1);
      if (last && last[1] === style) last[0] += ` ${word}`;
      else line.push([word, style]);
    }
  }
  return lines;
};

/** Prints who speaks, and pieces of text with their styles. */
const say = (who, style, pieces) => {
  const lines = wrap(pieces.filter(Boolean), width - indent).map((line) =>
    line.map(([text, style]) => paint(text.replaceAll(noBreak, " "), style)).join(" "),
  );
  console.log(paint(who.padEnd(indent), style) + lines.join(`\n${" ".repeat(indent)}`));
};
const agentSends = (...pieces) => say("agent  →", "magenta", pieces);
const agentSays = (text) => say("agent", "magenta", [[`“${text}”`]]);
const personSays = (text) => say("person", "bold", [[`“${text}”`]]);
const serverSends = (...pieces) => say("server ←", "bold", pieces);
const continued = (...pieces) => say("", undefined, pieces);
const sandboxHolds = (...pieces) => say("sandbox", "dim", pieces);

const json = (value) => JSON.stringify(value) ?? "nothing";
const list = (names) => names.join(", ");
/** `name: value` for each property. */
const properties = (object) =>
  Object.entries(object).map(([name, value]) =>
    typeof value === "object"
      ? `${name}: { ${list(properties(value))} }`
      : `${name}: ${json(value)}`,
  );

const check = (what, actual, expected) => {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Error(`${what} should be ${json(expected)} and is ${json(actual)}`);
};

/** Starts the server as an MCP host does: a child process with none of this shell's settings. */
const createConnection = () => {
  const client = new Client({ name: "demo-agent", version: manifest.version });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [server, "--sandbox"],
    env: { PRELUDE_LOG_LEVEL: "info" },
    stderr: "pipe",
  });
  let log = "";
  const profilesUrl = new Promise((resolve) => {
    transport.stderr.on("data", (chunk) => {
      log += chunk;
      const url = /what it holds: (\S+)\n/.exec(log)?.[1];
      if (url) resolve(url);
    });
  });
  /** What the sandbox holds of the user, asked for behind the server's back. */
  const profile = async () => {
    // An agent of its own, because Node's may be told to send everything through a proxy.
    const request = get(await profilesUrl, { agent: new Agent() });
    const [response] = await once(request, "response");
    return (await readJson(response))[`${app_id}/${user_id}`];
  };
  return { client, transport, profile, log: () => log };
};

const printCall = (tool, args, before = {}) => {
  const changed = Object.entries(args).filter(([name, value]) => {
    return !isDeepStrictEqual(value, before[name]);
  });
  const dropped = Object.keys(before).filter((name) => !Object.hasOwn(args, name));
  const again = Object.keys(before).length > 0;
  const shown = properties(Object.fromEntries(changed)).map(onOneLine).join(", ");
  agentSends(
    [tool.name, "bold"],
    again && ["again, with"],
    [shown, again ? "cyan" : undefined],
    dropped.length > 0 && [`and without ${list(dropped)}`, "cyan"],
  );
};

const statusStyles = { updated: "green", partially_updated: "yellow" };

const printResult = ({ status, updated_keys, attempts, error }) => {
  const style = statusStyles[status] ?? "red";
  serverSends(
    [status, style],
    error && [`· ${error.code}`, style],
    error && !attempts && error.http_status && [`(HTTP ${error.http_status})`, "dim"],
    updated_keys.length > 0 && [`· written: ${list(updated_keys)}`],
    attempts && [onOneLine(`· ${attempts} requests`), "dim"],
  );
  if (!error) return;
  if (error.issues) {
    for (const { path, received, accepted } of error.issues) {
      continued([path, "red"], [`${received} → ${accepted}`]);
    }
  } else continued([error.message.split(/(?<=\.) /)[0]]);
  continued(["next_step:", "dim"], [error.next_step, "cyan"]);
};

/** One tool call, printed, with the checks that hold for every result. */
const callTool = async (client, tool, args, before) => {
  printCall(tool, args, before);
  const answer = await client.callTool({ name: tool.name, arguments: args });
  const { content, structuredContent: result, isError = false } = answer;
  printResult(result);
  check("the result as text", JSON.parse(content[0].text), result);
  check("isError", isError, result.error !== undefined);
  check("sandbox", result.sandbox, true);
  return result;
};

// How the agent acts on an answer.

/** The optional argument, with its value, that a next step names. */
const advisedArgument = (tool, nextStep) => {
  for (const [name, schema] of Object.entries(tool.inputSchema.properties)) {
    const value = schema.enum?.find((value) => nextStep.includes(json(value)));
    if (value !== undefined && nextStep.includes(name)) return { [name]: value };
  }
};

/** Corrects arguments issue by issue, asking the person for what only a person can know. */
const correct = (args, issues, askPerson) => {
  const corrected = structuredClone(args);
  for (const { path, accepted } of issues) {
    const inProfile = path.startsWith("profile.");
    const holder = inProfile ? corrected.profile : corrected;
    const name = inProfile ? path.slice("profile.".length) : path;
    if (accepted.startsWith("nothing")) delete holder[name];
    else if (accepted.startsWith("a string")) holder[name] = String(holder[name]);
    else holder[name] = askPerson(path);
  }
  return corrected;
};

// The conversation.

const listTool = async ({ client, transport }) => {
  await client.connect(transport);
  const { name, title, version } = client.getServerVersion();
  check("the server's name and version", [name, version], [manifest.name, manifest.version]);
  check("a word about the sandbox", /SANDBOX/.test(client.getInstructions()), true);
  if (!short) {
    agentSends(["initialize", "bold"]);
    serverSends([`${title} (${name} ${version})`]);
  }

  agentSends(["tools/list", "bold"]);
  const { tools } = await client.listTools();
  check("the list of tools", list(tools.map((tool) => tool.name)), "update_user_profile");
  const [tool] = tools;
  const { properties, required } = tool.inputSchema;
  const names = Object.keys(properties);
  const signature = list(names.map((name) => (required.includes(name) ? name : `${name}?`)));
  serverSends([`${tool.name}(${signature})`]);
  check("its arguments", signature, "app_id, user_id, profile, on_reserved_key?");
  return tool;
};

const updateProfile = async ({ call, profile }) => {
  const wanted = { first_name: "Jane", last_name: "Smith" };
  const { status, updated_keys } = await call({ app_id, user_id, profile: wanted });
  check("status", status, "updated");
  check("updated_keys", updated_keys, Object.keys(wanted));
  check("the profile", await profile(), wanted);
};

/** A call that has to fail, and a look behind the scenes that nothing was written. */
const failingCall = async ({ call, profile }, args, code) => {
  const before = await profile();
  const { status, error } = await call(args);
  check("status", status, "not_updated");
  check("error.code", error?.code, code);
  check("the profile after the failure", await profile(), before);
  sandboxHolds(["the profile is unchanged", "dim"]);
  return { error, before };
};

const recoverFromReservedKey = async (scene) => {
  const { tool, call, profile } = scene;
  const wanted = { city: "Paris", created_at: "2025-03-30", locale: "fr-FR" };
  const args = { app_id, user_id, profile: wanted };
  const { error, before } = await failingCall(scene, args, "reserved_profile_key");

  const advised = advisedArgument(tool, error.next_step);
  check("the argument that next_step names", advised, { on_reserved_key: "skip" });
  const second = await call({ ...args, ...advised }, args);
  check("status", second.status, "partially_updated");
  check("updated_keys", second.updated_keys, ["city", "locale"]);
  check("error.keys", second.error?.keys, ["created_at"]);
  check("the profile", await profile(), { ...before, city: "Paris", locale: "fr-FR" });
  const [saved, reserved] = [second.updated_keys, second.error.keys].map((k) => k.join(" and "));
  agentSays(`I saved ${saved}. Prelude reserves ${reserved}, so it was not written.`);
};

const recoverFromWrongUser = async (scene) => {
  const { call, profile } = scene;
  const args = { app_id, user_id: user_id.slice(0, -1), profile: { nickname: "Jay" } };
  const { error, before } = await failingCall(scene, args, "user_not_found");

  check("next_step asks the person", /ask the person/i.test(error.next_step), true);
  agentSays(`There is no user ${args.user_id}. What is the right id?`);
  personSays(`I lost the last character: ${user_id}`);
  const second = await call({ ...args, user_id }, args);
  check("status", second.status, "updated");
  check("the profile", await profile(), { ...before, nickname: "Jay" });
};

const recoverFromBadArguments = async (scene) => {
  const { call, profile } = scene;
  const args = { app_id, user_id: "jane@example.com", profile: { age: 36 }, dry_run: false };
  const { error, before } = await failingCall(scene, args, "invalid_arguments");

  const paths = error.issues.map((issue) => issue.path);
  check("the paths of error.issues", paths.sort(), ["dry_run", "profile.age", "user_id"]);
  const corrected = correct(args, error.issues, (path) => {
    agentSays(`I need Jane's ${path}, which starts with usr_; an email address is none.`);
    personSays(user_id);
    return user_id;
  });
  const second = await call(corrected, args);
  check("status", second.status, "updated");
  check("the profile", await profile(), { ...before, age: "36" });
};

const showProfile = async ({ profile }) => {
  sandboxHolds([
    properties(await profile())
      .map(onOneLine)
      .join(", "),
    "green",
  ]);
};

const asides = [
  ["It was given a wrong user id", recoverFromWrongUser],
  ["It sends bad arguments and corrects them from the answer", recoverFromBadArguments],
];
const steps = [
  ["An agent connects and lists the tool", listTool],
  ["It updates a profile", updateProfile],
  ["It hits a reserved key and recovers by following next_step", recoverFromReservedKey],
  ...(short ? [] : asides),
  ["What the profile holds now", showProfile],
];

const play = async (connection, onStep) => {
  let tool;
  const call = (args, before) => callTool(connection.client, tool, args, before);
  for (const [title, step] of steps) {
    onStep(title);
    console.log(`\n${paint(title, "bold")}`);
    tool = (await step({ ...connection, tool, call })) ?? tool;
  }
};

const main = async () => {
  if (!existsSync(server)) throw new Error(`${server} is missing; "npm run build" makes it`);
  const connection = createConnection();
  let step;
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${timeoutMs} ms`)), timeoutMs);
  });
  const playing = play(connection, (title) => {
    step = title;
  });
  try {
    await Promise.race([playing, late]);
  } catch (error) {
    throw new Error(`at "${step}": ${error.message}\n${connection.log()}`.trim());
  } finally {
    clearTimeout(timer);
    await connection.client.close();
  }
};

// The reader is gone, as with `| head`: nothing is left to show, and nothing to say about it.
process.stdout.on("error", () => process.exit(1));

const command = paint("prelude-profile-mcp --sandbox", "bold");
console.log(
  `$ ${command} ${paint("# a simulation on this machine: nothing real is changed", "dim")}`,
);
try {
  await main();
  console.log("\nEvery answer was what it should be.");
} catch (error) {
  console.error(`\nThe demo failed: ${error.message}`);
  process.exitCode = 1;
}
