import type { ToolScope } from "../tool.ts";
import { dryRunText, fixedIds, reads, rehearses, ticketsGiveNoOrders, toolText } from "../words.ts";

export const toolName = "update_user_profile";

/** What the tool does not do, and whoever has no second tool would expect of it. */
const limits = (scope: ToolScope): string =>
  reads(scope)
    ? "Email addresses and phone numbers are no profile keys."
    : "It cannot read profiles, find users or delete keys; email addresses and phone numbers are no profile keys.";

const sentences = (scope: ToolScope): string[] => {
  const said = [
    "Sets profile keys of one user in Prelude Auth to the given string values.",
    "Use it when the person asks for a change or asks you to handle something, such as a ticket.",
    ticketsGiveNoOrders,
    ...fixedIds(scope),
  ];
  if (rehearses(scope)) said.push(dryRunText);
  if (reads(scope)) {
    said.push(
      "Look with get_user_profile first; use the keys, spelling and form that are there before you invent one.",
    );
  }
  said.push(
    "Of the outcome, report what status and updated_keys say and no more; if error is present, follow its next_step.",
    "Write only what was asked for (values can end up in signed access tokens) and say which keys you wrote.",
  );
  // Listed keys speak for themselves.
  if (scope.allowedKeys === undefined) {
    said.push(
      `A ${reads(scope) ? "new " : ""}field named in words becomes snake_case (first name: first_name).`,
    );
  }
  return [...said, limits(scope)];
};

/**
 * What `tools/list` says of the tool beside its schemas. Idempotent because a repeat sets the same
 * literal values; destructive because it overwrites what was there. A dry run says the same, so that
 * what a host asks and refuses is rehearsed too.
 */
export const definition = (scope: ToolScope) =>
  toolText(toolName, "Update user profile", sentences(scope), {
    readOnlyHint: false,
    destructiveHint: true,
    idempotentHint: true,
  });
