import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

// Plays an agent's conversation with the built server in its sandbox mode, and checks every answer.
// --short plays what the README's picture shows; a path stands for another server to play it with.

const { values, positionals } = parseArgs({
  options: { short: { type: "boolean", default: false } },
  allowPositionals: true,
});
const [server = fileURLToPath(new URL("../dist/prelude-profile-mcp.cjs", import.meta.url))] =
  positionals;
const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const timeoutMs = 15_000;

const app_id = "54e9ujn";
const user_id = "usr_01jqebhswje1ka1z7ahr9rfsgt";

// What is printed: lines of a label and of pieces of text, each piece with its style.

const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
const coloured =
  !NO_COLOR &&
  (FORCE_COLOR === undefined
    ? process.stdout.isTTY && TERM !== "dumb"
    : !["0", "false"].includes(FORCE_COLOR));
const width = Math.max(60, Math.min(96, process.stdout.columns ?? 96));
const indent = 9;
const sgr = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, magenta: 35, cyan: 36 };
const statusStyle = { updated: "green", partially_updated: "yellow" };

const paint = (text, style) => (coloured && style ? `\u001b[${sgr[style]}m${text}\u001b[0m` : text);

/** Fills lines with the words of the pieces. Words joined by a no-break space stay together. */
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

const say = (label, labelStyle, ...pieces) => {
  const lines = wrap(pieces, width - indent).map((line) =>
    line.map(([text, style]) => paint(text.replaceAll(noBreak, " "), style)).join(" "),
  );
  const margin = " ".repeat(indent);
  console.log(paint(label.padEnd(indent), labelStyle) + lines.join(`\n${margin}`));
};
const noBreak = "\u00a0";
const agent = (...pieces) => say("agent  →", "magenta", ...pieces);
const agentSays = (text) => say("agent", "magenta", [`“${text}”`]);
const person = (text) => say("person", "bold", [`“${text}”`]);
const answer = (...pieces) => say("server ←", "bold", ...pieces);
const more = (...pieces) => say("", undefined, ...pieces);
const sandbox = (...pieces) => say("sandbox", "dim", ...pieces);

const show = (value) => JSON.stringify(value) ?? "nothing";
/** `name: value` for each property, with room to read. */
const properties = (object) =>
  Object.entries(object).map(([name, value]) => {
    const nested = typeof value === "object";
    return `${name}: ${nested ? `{ ${properties(value).join(", ")} }` : show(value)}`;
  });
const onOneLine = (text) => text.replaceAll(" ", noBreak);
const list = (names) => names.join(", ") || "none";

// What is checked.

const check = (what, actual, expected) => {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Error(`${what}: expected ${show(expected)}, got ${show(actual)}`);
};

/** Starts the server as an MCP host does: as a child process, with none of this shell's settings. */
const connect = async () => {
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
  /** What the sandbox holds of the demo's user, asked for behind the server's back. */
  const profile = async () => {
    const response = await fetch(await profilesUrl);
    return (await response.json())[`${app_id}/${user_id}`];
  };
  return { client, transport, profile, log: () => log };
};

/** One tool call: prints it and its answer, and checks what holds for every answer. */
const callTool = async (client, tool, args, before) => {
  const changed = Object.keys(args).filter(
    (name) => !isDeepStrictEqual(args[name], before?.[name]),
  );
  const dropped = Object.keys(before ?? {}).filter((name) => !(name in args));
  agent(
    [tool.name, "bold"],
    ...(before ? [["again,", "dim"]] : []),
    [changed.map((name) => `${name}: ${show(args[name])}`).join(", "), before ? "cyan" : undefined],
    ...(dropped.length > 0 ? [[`and without ${list(dropped)}`, "cyan"]] : []),
  );

  const { content, structuredContent, isError } = await client.callTool({
    name: tool.name,
    arguments: args,
  });
  const { status, updated_keys, attempts, error } = structuredContent;
  check("the text of the result", JSON.parse(content[0].text), structuredContent);
  check("isError", isError ?? false, error !== undefined);
  check("sandbox", structuredContent.sandbox, true);

  const style = statusStyle[status] ?? "red";
  const http = error?.http_status ? `(HTTP ${error.http_status})` : "";
  answer(
    [status, style],
    ...(error ? [[error.code, style]] : []),
    ...(http ? [[http, "dim"]] : []),
    ...(updated_keys.length > 0 ? [[`· written: ${list(updated_keys)}`]] : []),
    ...(attempts ? [[`· requests: ${attempts}`, "dim"]] : []),
  );
  if (error) {
    for (const { path, received, accepted } of error.issues ?? []) {
      more([path, "red"], [`is ${received}; send ${accepted}`]);
    }
    if (!error.issues) more([error.message]);
    more(["next_step:", "dim"], [error.next_step, "cyan"]);
  }
  return structuredContent;
};

// How the agent acts on an answer.

/** The optional argument, and its value, that a next step names. */
const advisedArgument = (tool, nextStep) =>
  Object.entries(tool.inputSchema.properties).flatMap(([name, schema]) =>
    (schema.enum ?? [])
      .filter((value) => nextStep.includes(name) && nextStep.includes(JSON.stringify(value)))
      .map((value) => ({ [name]: value })),
  )[0];

/** Corrects the arguments issue by issue, and leaves to the person what only a person can know. */
const correct = (args, issues, ask) => {
  const corrected = structuredClone(args);
  for (const { path, accepted } of issues) {
    const [holder, key] = path.startsWith("profile.")
      ? [corrected.profile, path.slice("profile.".length)]
      : [corrected, path];
    if (accepted.startsWith("nothing")) delete holder[key];
    else if (path === "user_id") holder[key] = ask(accepted);
    else if (accepted.includes("in quotes")) holder[key] = String(holder[key]);
    else throw new Error(`the agent does not know what to do about ${path}: ${accepted}`);
  }
  return corrected;
};

// The conversation.

const listTool = async ({ client, transport }) => {
  await client.connect(transport);
  const { name, title, version } = client.getServerVersion();
  check("server info", { name, version }, { name: manifest.name, version: manifest.version });
  check("instructions name the sandbox", client.getInstructions().includes("SANDBOX"), true);
  if (!values.short) {
    agent(["initialize", "bold"]);
    answer([`${title} (${name} ${version})`]);
  }

  agent(["tools/list", "bold"]);
  const { tools } = await client.listTools();
  check(
    "tools",
    tools.map((tool) => tool.name),
    ["update_user_profile"],
  );
  const [tool] = tools;
  const { properties, required } = tool.inputSchema;
  const names = Object.keys(properties);
  check("arguments", names, ["app_id", "user_id", "profile", "on_reserved_key"]);
  check("required arguments", required, ["app_id", "user_id", "profile"]);
  const signature = names.map((argument) =>
    required.includes(argument) ? argument : `${argument}?`,
  );
  answer([tool.name, "bold"], [`(${signature.join(", ")})`]);
  if (!values.short) more([`${tool.description.split(/(?<=\.) /)[0]} …`, "dim"]);
  return tool;
};

const updateProfile = async ({ call, profile }) => {
  const result = await call({
    app_id,
    user_id,
    profile: { first_name: "Jane", last_name: "Smith" },
  });
  check("status", result.status, "updated");
  check("updated_keys", result.updated_keys, ["first_name", "last_name"]);
  check("the profile", await profile(), { first_name: "Jane", last_name: "Smith" });
};

/** Says in the transcript, after a look, that a failed call wrote nothing. */
const unchanged = async (profile, before) => {
  check("the profile after the failed call", await profile(), before);
  more(["(a look into the sandbox: the profile is unchanged)", "dim"]);
};

const recoverFromReservedKey = async ({ tool, call, profile }) => {
  const before = await profile();
  const asked = { city: "Paris", created_at: "2025-03-30", locale: "fr-FR" };
  const args = { app_id, user_id, profile: asked };
  const { status, error } = await call(args);
  check("status", status, "not_updated");
  check("error.code", error.code, "reserved_profile_key");
  await unchanged(profile, before);

  const advised = advisedArgument(tool, error.next_step);
  check("what next_step advises", advised, { on_reserved_key: "skip" });
  const second = await call({ ...args, ...advised }, args);
  check("status", second.status, "partially_updated");
  check("updated_keys", second.updated_keys, ["city", "locale"]);
  check("error.keys", second.error.keys, ["created_at"]);
  check("the profile", await profile(), { ...before, city: "Paris", locale: "fr-FR" });
  const [saved, reserved] = [second.updated_keys.join(" and "), list(second.error.keys)];
  agentSays(`I saved ${saved}. Prelude reserves ${reserved}, so that was left out.`);
};

const recoverFromUnknownUser = async ({ call, profile }) => {
  const before = await profile();
  const args = { app_id, user_id: user_id.slice(0, -1), profile: { nickname: "JS" } };
  const { status, error } = await call(args);
  check("status", status, "not_updated");
  check("error.code", error.code, "user_not_found");
  await unchanged(profile, before);

  check("next_step asks the person", /^Ask the person/.test(error.next_step), true);
  agentSays(`There is no user ${args.user_id}. What is the id? It starts with usr_.`);
  person(`I cut off its last character: ${user_id}`);
  const second = await call({ ...args, user_id }, args);
  check("status", second.status, "updated");
  check("the profile", await profile(), { ...before, nickname: "JS" });
};

const recoverFromBadArguments = async ({ call, profile }) => {
  const before = await profile();
  const args = {
    app_id,
    user_id: "jane@example.com",
    profile: { age: 36, newsletter: true },
    dry_run: false,
  };
  const { status, error } = await call(args);
  check("status", status, "not_updated");
  check("error.code", error.code, "invalid_arguments");
  const paths = error.issues.map(({ path }) => path).sort();
  check("error.issues", paths, ["dry_run", "profile.age", "profile.newsletter", "user_id"]);
  await unchanged(profile, before);

  const corrected = correct(args, error.issues, (accepted) => {
    agentSays(`I need ${accepted.split(":")[0]} instead of an email address.`);
    person(user_id);
    return user_id;
  });
  const second = await call(corrected, args);
  check("status", second.status, "updated");
  check("the profile", await profile(), { ...before, age: "36", newsletter: "true" });
};

const showProfile = async ({ profile }) => {
  const held = Object.entries(await profile());
  const longest = Math.max(...held.map(([key]) => key.length));
  for (const [key, value] of held)
    console.log(`${" ".repeat(indent)}${key.padEnd(longest)}  ${value}`);
};

const steps = [
  ["An agent connects and lists the tool", listTool],
  ["It updates a profile", updateProfile],
  ["It hits a reserved key, and recovers by following next_step", recoverFromReservedKey],
  ["It was given the wrong user id", recoverFromUnknownUser, "full"],
  ["It sends bad arguments, and corrects them from the answer", recoverFromBadArguments, "full"],
  ["What the profile holds now", showProfile],
].filter(([, , only]) => !(values.short && only === "full"));

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
  if (!existsSync(server)) throw new Error(`${server} is not there; \`npm run build\` makes it`);
  const connection = await connect();
  let at = "";
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    const playing = play(connection, (title) => {
      at = title;
    });
    await Promise.race([playing, late]);
  } catch (error) {
    const log = connection.log().trimEnd().replace(/^/gm, "  ");
    const cause = `at “${at}”: ${error.message}`;
    throw new Error(log.trim() ? `${cause}\nThe server's log:\n${log}` : cause);
  } finally {
    clearTimeout(timer);
    await connection.client.close();
  }
  console.log(`\n${paint("Every answer was what it should be.", "green")}`);
};

console.log(
  [
    paint("$", "dim"),
    paint("prelude-profile-mcp --sandbox", "bold"),
    paint("(a simulation of Prelude on this machine; nothing real is changed)", "dim"),
  ].join(" "),
);
try {
  await main();
} catch (error) {
  console.error(`\nThe demo failed ${error.message}`);
  process.exitCode = 1;
}
