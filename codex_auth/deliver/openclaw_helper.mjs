// Puts one login into OpenClaw's store of credentials, or reads or removes one, through the installed OpenClaw's own
// SDK: its locks, its schema, whatever its release keeps them in. One JSON request on stdin, one JSON answer on stdout.
//
// Nothing else is ever written, by us or by what we import: an exception's text could hold a token, so every way out
// is a code from the list below.

import { createHash } from "node:crypto";
import { readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const CODES = new Set([
  "bad_request", // the request does not read
  "no_sdk", // this Node cannot load the SDK, or the SDK lacks what we need
  "migration_pending", // OpenClaw found a JSON file of an older release and refuses until it is migrated
  "store_refused", // OpenClaw could not lock, read or write its store
  "fence_running", // OpenClaw is refreshing this very profile
  "other_account", // the profile there belongs to somebody else
  "holds_login", // the profile there is a login that OpenClaw refreshes itself
  "mode_conflict", // OpenClaw's configuration says another type for this profile id
  "invalid_config", // OpenClaw refuses its own configuration
  "hidden", // agents have a profile of their own of this id, which they would use instead
  "not_found", // nothing is there under this id
  "fenced", // what is there is only the mark of a refresh that failed
  "unexpected",
]);
const FENCE = /^openclaw-oauth-refresh-fence:v1:[0-9a-f]+:(failed:)?/;
const ACCOUNT_CLAIM = "https://api.openai.com/auth";

let answered = false;
function answer(facts) {
  if (answered) return;
  answered = true;
  const text = Buffer.from(JSON.stringify(facts) + "\n");
  for (let at = 0; at < text.length; ) at += writeSync(1, text, at);
  process.exit(0);
}
function refuse(code, facts = {}) {
  answer({ ok: false, code: CODES.has(code) ? code : "unexpected", ...facts });
}
class Refusal extends Error {
  constructor(code, facts = {}) {
    super(code);
    this.refusal = code;
    this.facts = facts;
  }
}
function fail(error) {
  if (error instanceof Refusal) return refuse(error.refusal, error.facts);
  // OpenClaw's own code for a leftover JSON file; of anything else not even the name is told.
  const isMigration = [error, error?.cause].some((each) => each?.code === "AUTH_PROFILE_MIGRATION_REQUIRED");
  if (isMigration) return refuse("migration_pending");
  return refuse(error?.code === "INVALID_CONFIG" ? "invalid_config" : "unexpected");
}
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);
process.stdout.write = () => true;
process.stderr.write = () => true;

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const accessOf = (held) => held?.token ?? held?.access ?? held?.key;
const fenceOf = (held) => [held?.access, held?.refresh].map((text) => FENCE.exec(text ?? "")).find(Boolean);

function accountOf(held) {
  if (held.accountId) return held.accountId;
  try {
    const claims = JSON.parse(Buffer.from(accessOf(held).split(".")[1], "base64url").toString());
    return claims[ACCOUNT_CLAIM]?.chatgpt_account_id ?? "";
  } catch {
    return "";
  }
}

// What may be said of a profile: no token, only the hash that our own side compares.
function shown(held) {
  if (!held) return null;
  const fence = fenceOf(held);
  return {
    type: held.type,
    provider: held.provider,
    account: accountOf(held),
    email: held.email ?? "",
    expires: held.expires ?? null,
    fence: fence ? (fence[1] ? "failed" : "running") : null,
    access_hash: accessOf(held) ? sha256(accessOf(held)) : "",
    refresh_hash: held.refresh ? sha256(held.refresh) : "",
  };
}

// Why what is there must not be replaced; nothing if it may.
function objection(held, request) {
  const fence = fenceOf(held);
  if (fence && !fence[1]) return "fence_running";
  if (request.replace) return null;
  if (held.type === "api_key") return "other_account";
  const account = accountOf(held);
  const isSame = account ? account === request.account : Boolean(held.email) && held.email === request.email;
  if (!isSame) return "other_account";
  if (held.type !== "oauth" || fence || !held.refresh) return null;
  return sha256(held.refresh) === (request.known_refresh ?? "") ? null : "holds_login";
}

async function load(request, name) {
  try {
    return await import(pathToFileURL(join(request.package, "dist", "plugin-sdk", `${name}.js`)).href);
  } catch {
    throw new Refusal("no_sdk");
  }
}

// Changes the store inside OpenClaw's own lock or transaction. Beside somebody who writes all the time SQLite's turns are
// not fair: where OpenClaw gave up before it came to us nothing was written, and it is asked again.
async function change(sdk, request, updater) {
  let refused = null;
  let came = false;
  let result = null;
  const end = Date.now() + 20_000; // the file of the JSON era was waited for nearly a minute by then
  for (let pause = 50; !came && pause <= 1600 && Date.now() < end; pause *= 2) {
    result = await sdk.updateAuthProfileStoreWithLock({
      ...(request.agent_dir ? { agentDir: request.agent_dir } : {}),
      updater(store) {
        came = true;
        refused = updater(store);
        return refused === null;
      },
    });
    if (!came) {
      read(sdk, request); // a pending migration is told at once
      await new Promise((done) => setTimeout(done, pause * (0.5 + Math.random())));
    }
  }
  if (refused !== null) throw new Refusal(refused);
  // Newer releases swallow what went wrong and return null: reading the store tells a pending migration.
  if (result === null || !came) {
    read(sdk, request);
    throw new Refusal("store_refused");
  }
}

function read(sdk, request, agentDir = request.agent_dir) {
  const reader = sdk.ensureAuthProfileStoreForLocalUpdate ?? sdk.ensureAuthProfileStore;
  return reader(agentDir ?? undefined);
}

// What OpenClaw's configuration says of this profile id and of the order of profiles; it is read, never written.
async function configured(request) {
  const { auth } = (await load(request, "config-runtime")).loadConfig() ?? {};
  const provider = request.id.slice(0, request.id.indexOf(":"));
  return { mode: auth?.profiles?.[request.id]?.mode ?? null, order: auth?.order?.[provider] ?? null };
}

async function main() {
  const request = JSON.parse(readFileSync(0, "utf8"));
  if (typeof request?.id !== "string" || typeof request.package !== "string") throw new Refusal("bad_request");
  const sdk = await load(request, "provider-auth");
  if (typeof sdk.updateAuthProfileStoreWithLock !== "function") throw new Refusal("no_sdk");

  const settings = request.check_config ? await configured(request) : { mode: null, order: null };
  // OpenClaw itself takes a `token` where `oauth` is configured.
  const type = request.credential?.type;
  if (settings.mode && type && settings.mode !== type && !(settings.mode === "oauth" && type === "token")) {
    throw new Refusal("mode_conflict");
  }
  const provider = request.id.slice(0, request.id.indexOf(":"));
  const listed = (store) => Object.keys(store.profiles).filter((id) => id.startsWith(`${provider}:`));
  const found = read(sdk, request);
  const before = found.profiles[request.id];
  // An agent's own profile hides the shared one of the same id. One that merely repeats it hides nothing.
  const hidden = (request.agent_dirs ?? []).filter((folder) => {
    const seen = folder === request.agent_dir ? null : read(sdk, request, folder).profiles[request.id];
    return seen && accessOf(seen) !== accessOf(before ?? {});
  });
  if (hidden.length && (request.op === "put" || request.op === "would_put")) throw new Refusal("hidden", { hidden });
  if (request.op === "put") {
    await change(sdk, request, (store) => {
      const held = store.profiles[request.id];
      const why = held ? objection(held, request) : null;
      if (why === null) store.profiles[request.id] = request.credential;
      return why;
    });
  } else if (request.op === "delete") {
    await change(sdk, request, (store) => {
      const held = store.profiles[request.id];
      const why = held ? objection(held, request) : "not_found";
      if (why === null) delete store.profiles[request.id];
      return why;
    });
  } else if (request.op === "would_put") {
    const why = before ? objection(before, request) : null;
    if (why !== null) throw new Refusal(why);
  } else if (request.op === "export") {
    if (!before) throw new Refusal("not_found", { ids: listed(found) });
    if (fenceOf(before)) throw new Refusal(fenceOf(before)[1] ? "fenced" : "fence_running");
  } else if (request.op !== "look") {
    throw new Refusal("bad_request");
  }
  const store = read(sdk, request);
  answer({
    ok: true,
    before: shown(before),
    now: shown(store.profiles[request.id]),
    // Each agent has an order of its own; where it has none, the configuration's holds.
    orders: (request.agent_dirs ?? []).map((folder) => read(sdk, request, folder).order?.[provider] ?? settings.order),
    mode: settings.mode,
    ids: listed(store),
    // The refresh token stays where it is: whoever keeps a second copy will spend it one day.
    ...(request.op === "export" ? { credential: { ...before, refresh: undefined, idToken: undefined } } : {}),
  });
}

main().catch(fail);
