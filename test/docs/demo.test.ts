import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { app, builtServer, user } from "../support/server-process.ts";

type Env = Record<string, string>;
type Run = { code: number; stdout: string; stderr: string };

const { PATH = "", HOME = "" } = process.env;

/** Runs a script without a terminal and with nothing but PATH, HOME and `env`. */
const run = (script: string, args: string[] = [], env: Env = {}): Promise<Run> =>
  new Promise((resolve) => {
    const options = { env: { PATH, HOME, ...env } };
    execFile(process.execPath, [script, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
const demo = (args?: string[], env?: Env) => run("scripts/demo.mjs", args, env);

/** Fails unless the pieces follow each other in the text. */
const inOrder = (text: string, pieces: readonly string[]): void => {
  let from = 0;
  for (const piece of pieces) {
    const at = text.indexOf(piece, from);
    if (at < 0) throw new Error(`no ${JSON.stringify(piece)} where it should be in\n${text}`);
    from = at + piece.length;
  }
};
/** One line, single spaces: wrapping must not decide whether a sentence is found. */
const unwrapped = (text: string): string => text.replace(/\s+/g, " ");

const theEnd = "Every answer was what it should be.";
const recovery = [
  "It hits a reserved key and recovers by following next_step",
  'profile: { city: "Paris", created_at: "2025-03-30", locale: "fr-FR" }',
  "server ← not_updated · reserved_profile_key (HTTP 400)",
  "next_step:",
  "on_reserved_key",
  '"skip"',
  "sandbox the profile is unchanged",
  'agent → update_user_profile again, with on_reserved_key: "skip"',
  "server ← partially_updated · reserved_profile_key · written: city, locale",
  "next_step:",
];
const holding = ["What the profile holds now", 'first_name: "Jane", last_name: "Smith"'];

let plain: Run;
beforeAll(async () => {
  plain = await demo();
});

describe("the demo", () => {
  it("plays the conversation, each failure followed by its recovery", () => {
    const { code, stdout, stderr } = plain;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    inOrder(unwrapped(stdout), [
      "An agent connects and lists the tool",
      "agent → tools/list",
      "server ← update_user_profile(app_id, user_id, profile, on_reserved_key?)",
      "It updates a profile",
      `agent → update_user_profile app_id: "${app}", user_id: "${user}"`,
      "server ← updated · written: first_name, last_name",
      ...recovery,
      "It was given a wrong user id",
      "server ← not_updated · user_not_found (HTTP 404)",
      "next_step:",
      "sandbox the profile is unchanged",
      `agent → update_user_profile again, with user_id: "${user}"`,
      "server ← updated · written: nickname",
      "It sends bad arguments and corrects them from the answer",
      'user_id: "jane@example.com", profile: { age: 36 }, dry_run: false',
      "server ← not_updated · invalid_arguments",
      "user_id an email address →",
      "profile.age a number →",
      "dry_run an undeclared argument →",
      "next_step:",
      "sandbox the profile is unchanged",
      `with user_id: "${user}", profile: { age: "36" } and without dry_run`,
      "server ← updated · written: age",
      ...holding,
      'city: "Paris", locale: "fr-FR", nickname: "Jay", age: "36"',
      theEnd,
    ]);
  });

  it("fits a terminal of 96 columns and about one page", () => {
    const lines = plain.stdout.split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(96);
    expect(lines.length).toBeLessThanOrEqual(80);
  });

  it("has no colours without a terminal", () => {
    expect(plain.stdout).not.toContain("\u001b");
  });

  it.each<{ env: Env; coloured: boolean }>([
    { env: { FORCE_COLOR: "1" }, coloured: true },
    { env: { FORCE_COLOR: "1", NO_COLOR: "" }, coloured: true },
    { env: { FORCE_COLOR: "0" }, coloured: false },
    { env: { FORCE_COLOR: "1", NO_COLOR: "1" }, coloured: false },
  ])("follows $env: coloured $coloured", async ({ env, coloured }) => {
    const { code, stdout } = await demo(["--short"], env);
    expect(code).toBe(0);
    expect(stdout.includes("\u001b")).toBe(coloured);
    inOrder(unwrapped(stripVTControlCharacters(stdout)), [...recovery, ...holding, theEnd]);
  });
  it("ends without a trace when nobody reads on", async () => {
    const child = spawn(process.execPath, ["scripts/demo.mjs"], { env: { PATH, HOME } });
    const trace = text(child.stderr);
    await once(child.stdout, "data");
    child.stdout.destroy();
    const [code] = await once(child, "exit");
    expect({ code, trace: await trace }).toEqual({ code: 1, trace: "" });
  });
});

/** A server that passes everything on to the built one and back, with one piece of text replaced. */
const standIn = (requests: [string, string] | undefined, answers: [string, string] | undefined) => `
  import { spawn } from "node:child_process";
  import { createInterface } from "node:readline";
  const [requests, answers] = ${JSON.stringify([requests ?? ["", ""], answers ?? ["", ""]])};
  const args = [${JSON.stringify(builtServer)}, ...process.argv.slice(2)];
  const server = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const relay = (from, to, [old, other]) =>
    createInterface({ input: from }).on("line", (line) => {
      to.write((old ? line.replaceAll(old, other) : line) + "\\n");
    });
  relay(process.stdin, server.stdin, requests).on("close", () => server.stdin.end());
  relay(server.stdout, process.stdout, answers);
`;

type Misbehaviour = {
  requests?: [string, string];
  answers?: [string, string];
  /** How the title of the step begins. */
  step: string;
  because: string;
};

/** The beginning of both calls with a reserved key, and a call of its own to put before it. */
const call = (profile: object) =>
  JSON.stringify({
    method: "tools/call",
    params: { name: "update_user_profile", arguments: { app_id: app, user_id: user, profile } },
  }).replace(/\}+$/, "");
const reservedCall = call({ city: "Paris" });
const smuggled = `${call({ smuggled: "yes" })}}}},"jsonrpc":"2.0","id":"another"}\n`;

describe("the demo with a server that misbehaves", () => {
  let folder: string;
  let files = 0;
  const play = async (source: string): Promise<Run> => {
    const file = join(folder, `server-${files++}.mjs`);
    await writeFile(file, source);
    return demo([file]);
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "demo-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("is the demo as ever if the stand-in changes nothing", async () => {
    const { code, stdout } = await play(standIn(undefined, undefined));
    expect({ code, stdout }).toEqual({ code: 0, stdout: plain.stdout });
  });

  it.each<[what: string, row: Misbehaviour]>([
    [
      "offers another tool",
      {
        answers: ["update_user_profile", "update_profile"],
        step: "An agent connects and lists the tool",
        because: "the list of tools",
      },
    ],
    [
      "writes something else than it says",
      {
        requests: ["Smith", "Smyth"],
        step: "It updates a profile",
        because: 'the profile should be {"first_name":"Jane","last_name":"Smith"}',
      },
    ],
    [
      "says two different things in one result",
      {
        answers: ['\\"sandbox\\":true', '\\"sandbox\\":false'],
        step: "It updates a profile",
        because: "the result as text",
      },
    ],
    [
      "does not say that it is a sandbox",
      {
        answers: ["sandbox", "sendbox"],
        step: "It updates a profile",
        because: "sandbox should be true",
      },
    ],
    [
      "does not mark a failure",
      {
        answers: [',"isError":true', ""],
        step: "It hits a reserved key",
        because: "isError should be true",
      },
    ],
    [
      "calls a reserved key something else",
      {
        answers: ["reserved_profile_key", "invalid_request"],
        step: "It hits a reserved key",
        because: 'error.code should be "reserved_profile_key" and is "invalid_request"',
      },
    ],
    [
      "writes something although it says that it did not",
      {
        requests: [reservedCall, `${smuggled}${reservedCall}`],
        step: "It hits a reserved key",
        because: "the profile after the failure",
      },
    ],
    [
      "advises something else in next_step",
      {
        answers: ["skip", "leave"],
        step: "It hits a reserved key",
        because:
          'next_step names should be {"on_reserved_key":"skip"} and is {"on_reserved_key":"leave"}',
      },
    ],
    [
      "does not skip",
      {
        requests: [',"on_reserved_key":"skip"', ""],
        step: "It hits a reserved key",
        because: 'status should be "partially_updated" and is "not_updated"',
      },
    ],
    [
      "accepts any user id",
      {
        requests: [`${user.slice(0, -1)}"`, `${user}"`],
        step: "It was given a wrong user id",
        because: 'status should be "not_updated" and is "updated"',
      },
    ],
    [
      "leaves out a problem of the arguments",
      {
        answers: ["dry_run", "user_id"],
        step: "It sends bad arguments",
        because: "the paths of error.issues",
      },
    ],
  ])("ends non-zero and says where: it %s", async (_, row) => {
    const { code, stdout, stderr } = await play(standIn(row.requests, row.answers));
    expect(code).toBe(1);
    expect(stderr).toContain(`The demo failed: at "${row.step}`);
    expect(stderr).toContain(row.because);
    expect(stdout).not.toContain(theEnd);
  });

  it("ends non-zero and shows the server's last words if it does not start", async () => {
    const { code, stderr } = await play('console.error("no luck"); process.exitCode = 2;');
    expect(code).toBe(1);
    expect(stderr).toContain('at "An agent connects and lists the tool": ');
    expect(stderr).toContain("no luck");
  });

  it("names the build if there is no server yet", async () => {
    const { code, stderr } = await demo([join(folder, "missing.cjs")]);
    expect(code).toBe(1);
    expect(stderr).toContain("npm run build");
  });
});

/** Why a text is not well-formed XML of elements, quoted attributes and text; or nothing. */
const xmlProblem = (text: string): string | undefined => {
  const open: string[] = [];
  let roots = 0;
  const token = /<(\/?)([A-Za-z][\w:-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|[^<]+/gy;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const [whole, closes, name, attributes = "", empty] = token.exec(text) ?? [];
    if (whole === undefined) return `no tag at ${at}: ${text.slice(at, at + 40)}`;
    if (/&(?!(?:amp|lt|gt|quot|apos);)/.test(whole)) return `a bare & in ${whole}`;
    const names = [...attributes.matchAll(/\s([\w:-]+)=/g)].map(([, attribute]) => attribute);
    if (new Set(names).size < names.length) return `an attribute twice in ${whole}`;
    if (name === undefined) {
      if (open.length === 0 && whole.trim() !== "") return `text outside: ${whole}`;
    } else if (closes) {
      if (open.pop() !== name) return `${whole} closes something else`;
    } else {
      if (open.length === 0) roots += 1;
      if (!empty) open.push(name);
    }
  }
  return open.length > 0 || roots !== 1 ? `${roots} roots, open: ${open}` : undefined;
};

/** What a reader of the picture sees: the texts, those of one height in one line. */
const seen = (svg: string): string => {
  const lines = new Map<number, string[]>();
  for (const [, y, text] of svg.matchAll(/<text [^>]*\by="(\d+)"[^>]*>([^<]*)<\/text>/g)) {
    lines.set(Number(y), [...(lines.get(Number(y)) ?? []), text as string]);
  }
  return [...lines.values()]
    .map((texts) => texts.join(" "))
    .join(" ")
    .replaceAll("&quot;", '"');
};

it("the pictures are what the demo prints now (else: npm run demo:svg)", async () => {
  const folder = await mkdtemp(join(tmpdir(), "demo-svg-"));
  const tsx = join("node_modules", "tsx", "dist", "cli.mjs");
  const { code } = await run(tsx, ["scripts/demo-svg.ts", folder], { NO_COLOR: "1" });
  expect(code).toBe(0);
  for (const file of ["demo.svg", "demo-narrow.svg"]) {
    const [drawn, kept] = [
      await readFile(join(folder, file), "utf8"),
      await readFile(join("docs", file), "utf8"),
    ];
    expect(drawn).toBe(kept);
  }
  await rm(folder, { recursive: true });
});

describe.each(["demo.svg", "demo-narrow.svg"])("the picture %s", (file) => {
  let picture: string;
  beforeAll(async () => {
    picture = await readFile(join("docs", file), "utf8");
  });

  it("shows the recovery from a reserved key", () => {
    inOrder(seen(picture), [...recovery, ...holding, 'city: "Paris", locale: "fr-FR"']);
  });

  it("is well-formed", () => {
    expect(xmlProblem(picture)).toBeUndefined();
    expect(picture).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" /);
  });

  it("has no script, no font and nothing to fetch, and nothing that changes", () => {
    expect(picture).not.toMatch(/<script|<image|@import|<foreignObject|href|url\(|\bon\w+=/i);
    expect(picture).not.toMatch(/127\.0\.0\.1|localhost/);
    expect(picture).not.toContain("\u001b");
  });

  it("has colours for light and for dark", () => {
    expect(picture).toContain("@media (prefers-color-scheme:dark)");
    expect(picture).not.toMatch(/<text [^>]*fill=/);
  });

  it.each([
    ["an open element", (svg: string) => svg.replace("</svg>", "")],
    ["elements that overlap", (svg: string) => svg.replace("</title>", "</text>")],
    ["a bare <", (svg: string) => svg.replace("$", "<")],
    ["a bare &", (svg: string) => svg.replace("&quot;", "&")],
    ["an unquoted attribute", (svg: string) => svg.replace('rx="10"', "rx=10")],
    ["an attribute twice", (svg: string) => svg.replace('rx="10"', 'rx="10" rx="10"')],
    ["two roots", (svg: string) => `${svg}${svg}`],
  ])("would not pass as well-formed with %s", (_, broken) => {
    if (xmlProblem(broken(picture)) === undefined) throw new Error("passed as well-formed");
  });
});
