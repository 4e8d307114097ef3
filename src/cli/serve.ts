import { rereadKeyFile } from "../config/key.ts";
import type { Log } from "../lib/log.ts";
import { name, title, version, websiteUrl } from "../lib/package.wire.ts";
import { createServer } from "../mcp/server.ts";
import { createTransport } from "../mcp/transport.ts";
import { createCaller, type Dependencies } from "../tools/call.ts";
import {
  getDefinition,
  getName,
  instructions,
  updateDefinition,
  updateName,
} from "../tools/definitions.ts";
import type { Tool } from "../tools/tool.ts";

/** How long calls in flight may go on after the client is gone, in milliseconds. */
const graceMs = 1_200;
/** How long calls that were aborted then may take to say how they ended, in milliseconds. */
const lastWordsMs = 200;
/** When after the grace the process is ended even if something still holds it, in milliseconds. */
const forceMs = 500;

/** Loads something when it is first needed, once; a failed attempt is forgotten. */
const lazily = <T>(load: () => Promise<T>): (() => Promise<T>) => {
  let loaded: Promise<T> | undefined;
  return () => {
    loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
};

type Options = Pick<Dependencies, "config" | "sandbox" | "audit" | "log"> & {
  /** What must not be shown; everything that shows something holds this very list. */
  secrets: string[];
};

const unreadable = "PRELUDE_API_KEY_FILE could not be read again, or holds no key any more";

/** The HTTP client for Prelude or for the sandbox; what it opens is closed by `cleanups`. */
const clientOf = ({ config, sandbox, log, secrets }: Options, cleanups: (() => unknown)[]) =>
  lazily(async () => {
    const { createClient } = await import("../prelude/client.ts");
    const common = { product: `${name}/${version}`, log: log.debug };
    if (!sandbox) {
      const { baseUrl, apiKey = "", apiKeyFile } = config;
      const rereadKey = () => {
        if (apiKeyFile === undefined) return undefined;
        const key = rereadKeyFile(apiKeyFile);
        if (key === undefined) log.error(unreadable);
        return key;
      };
      const real = createClient({ baseUrl, apiKey, secrets, rereadKey, useProxy: true, ...common });
      cleanups.push(real.close);
      return real;
    }
    const { startSandbox } = await import("../sandbox/sandbox.ts");
    const { baseUrl, apiKey, close } = await startSandbox(config);
    log.info(`sandbox at ${baseUrl}`);
    const simulated = createClient({ baseUrl, apiKey, useProxy: false, ...common });
    cleanups.push(simulated.close, close);
    return simulated;
  });

const toolsOf = (deps: Dependencies): Tool[] => {
  const { config } = deps;
  const update = lazily(async () => {
    const { createUpdateProfile } = await import("../tools/update-profile/update-profile.ts");
    return createUpdateProfile(deps);
  });
  const get = lazily(async () => {
    const { createGetProfile } = await import("../tools/get-profile/get-profile.ts");
    return createGetProfile(deps);
  });
  const nothingWritten = { status: "not_updated", updated_keys: [] };
  const updateTool: Tool = {
    name: updateName,
    definition: lazily(() => updateDefinition(config)),
    call: createCaller(deps, updateName, nothingWritten, update),
  };
  const getTool: Tool = {
    name: getName,
    definition: lazily(() => getDefinition(config)),
    call: createCaller(deps, getName, { status: "not_read" }, get),
  };
  const tools = [];
  if (config.write !== "off") tools.push(updateTool);
  if (config.read !== "off") tools.push(getTool);
  return tools;
};

/**
 * Ends the server once: lets calls in flight finish within `grace`, has the others say how far they
 * came, then closes everything.
 */
const createStop = (log: Log, end: Record<"settled" | "cutOff" | "close", () => unknown>) => {
  let stopped = false;
  const settledWithin = (ms: number): Promise<unknown> => {
    const over = new Promise((resolve) => setTimeout(resolve, ms).unref());
    return Promise.race([end.settled(), over]);
  };
  return async (why: string, grace: number): Promise<void> => {
    if (stopped) return;
    stopped = true;
    log.info(`stopping: ${why}`);
    setTimeout(() => process.exit(), grace + forceMs).unref();
    await settledWithin(grace);
    // What came in one piece with the cancellation of the last call is answered first.
    await new Promise(setImmediate);
    end.cutOff();
    await settledWithin(lastWordsMs);
    // Nothing holds the process after that: it ends when stdout is flushed, which process.exit()
    // would not wait for.
    await end.close();
  };
};

/** The last chance of an outcome that could not be written when its call ended. */
const flushAudit = ({ audit, log }: Options): void => {
  try {
    audit?.check();
  } catch {
    log.error("outcomes of calls are lost: the audit file could not be written to the end");
  }
};

const waiting =
  "waiting for an MCP client on stdin; --help says how to set one up, Ctrl-C ends this";
const noClient =
  "stdin ended before any message: an MCP client must be on stdin (with Docker: `docker run -i`)";

/** Runs the MCP server on stdin and stdout until the client goes away or a signal comes. */
export const serve = async (options: Options): Promise<void> => {
  const { config, sandbox, log } = options;
  let stopping = false;
  const cleanups: (() => unknown)[] = [];
  const client = clientOf(options, cleanups);
  const now = () => performance.now();
  const server = createServer({
    info: { name, title, version, ...(websiteUrl !== null && { websiteUrl }) },
    instructions: instructions(config, sandbox),
    log,
    tools: toolsOf({ ...options, client, isStopping: () => stopping, now }),
  });
  const stop = createStop(log, {
    settled: () => stdio.settled(),
    cutOff: () => {
      stopping = true;
      stdio.cutOff();
    },
    close: async () => {
      await server.close();
      for (const cleanup of cleanups) cleanup();
      // Calls that were in flight write their outcomes first.
      setImmediate(flushAudit, options);
    },
  });
  const stdio = createTransport({
    onStdinEnd: () => {
      if (!process.stdin.bytesRead && !stopping) log.error(noClient);
      void stop("stdin ended", graceMs);
    },
    onStdoutBroken: () => void stop("stdout broke", 0),
    onIgnored: (reason) => log.error(`ignored ${reason}`),
  });
  const onSignal = (signal: string): void => {
    // Unlike the end of stdin, before which requests may have come that are to be handled.
    stopping = true;
    void stop(signal, graceMs);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, onSignal);
  await server.connect(stdio);
  if (process.stdin.isTTY) log.error(waiting);
};
