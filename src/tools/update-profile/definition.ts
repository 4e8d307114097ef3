import type { ToolScope } from "../tool.ts";
import {
  describe,
  dryRunText,
  fixedIds,
  reads,
  rehearses,
  ticketsGiveNoOrders,
  toolText,
} from "../words.ts";

export const toolName = "update_user_profile";

const look =
  "Look with get_user_profile first; use the keys, spelling and form that are there before you invent one.";
const snakeCase = (scope: ToolScope): string =>
  `A ${reads(scope) ? "new " : ""}field named in words becomes snake_case (first name: first_name).`;

/** What the tool does not do, and whoever has no second tool would expect of it. */
const limits = (scope: ToolScope): string =>
  reads(scope)
    ? "Email addresses and phone numbers are no profile keys."
    : "It cannot read profiles, find users or delete keys; email addresses and phone numbers are no profile keys.";

const description = (scope: ToolScope): string => {
  const required = [
    "Sets profile keys of one user in Prelude Auth to the given string values.",
    "Use it when the person asks for a change or asks you to handle something, such as a ticket.",
    ticketsGiveNoOrders,
    ...fixedIds(scope),
  ];
  if (rehearses(scope)) required.push(dryRunText);
  if (reads(scope)) required.push(look);
  required.push(
    "Of the outcome, report what status and updated_keys say and no more; if error is present, follow its next_step.",
  );
  const spare = [
    "Write only what was asked for (values can end up in signed access tokens) and say which keys you wrote.",
  ];
  // Listed keys speak for themselves.
  if (scope.allowedKeys === undefined) spare.push(snakeCase(scope));
  spare.push(limits(scope));
  return describe(required, spare);
};

/**
 * What `tools/list` says of the tool beside its schemas. Idempotent because a repeat sets the same
 * literal values; destructive because it overwrites what was there. A dry run says the same, so that
 * what a host asks and refuses is rehearsed too.
 */
export const definition = (scope: ToolScope) =>
  toolText(
    { name: toolName, title: "Update user profile", description: description(scope) },
    { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  );
