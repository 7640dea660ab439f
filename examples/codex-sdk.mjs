// The TypeScript SDK of Codex with one of your logins:  codex-auth run work -- node codex-sdk.mjs
// Nothing of codex-auth is in here: `run` gives the process a Codex home that is signed in as that profile.
import { Codex } from "@openai/codex-sdk";

const codex = new Codex({ codexPathOverride: process.env.CODEX_PROGRAM });
const thread = codex.startThread({ skipGitRepoCheck: true });
const turn = await thread.run(process.argv[2] ?? "Say hello.");
console.log(turn.finalResponse);
