import { startServer } from "./server-process.ts";

type Ended = { code: number | null; out: string; err: string };

/** Runs the built file to its end, with nothing but PATH, HOME and `env`. */
export const runCli = async (
  args: string[],
  env: Record<string, string> = {},
  command?: string[],
): Promise<Ended> => {
  const server = startServer(command ? { args, env, command } : { args, env });
  let out = "";
  server.stdout.on("data", (text: string) => {
    out += text;
  });
  server.stdin.end();
  await server.closed;
  const { code } = await server.exited;
  return { code, out, err: server.stderr() };
};
