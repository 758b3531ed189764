// Stryker puts all changes of some files into them, each behind a switch. Prints the files and the changes as JSON.
// usage: node instrument.mjs FOLDER FILE...
import { readFileSync } from "node:fs";
import { createInstrumenter } from "@stryker-mutator/instrumenter";
import { createInjector } from "typed-inject";

// Texts say what they like, as in Python.
const EXCLUDED = ["StringLiteral", "Regex"];
const silent = Object.fromEntries(["trace", "debug", "info", "warn", "error", "fatal"].map(name => [name, () => {}]));
for (const level of ["Trace", "Debug", "Info", "Warn", "Error", "Fatal"]) silent[`is${level}Enabled`] = () => false;

const [folder, ...names] = process.argv.slice(2);
const files = names.map(name => ({ name, mutate: true, content: readFileSync(`${folder}/${name}`, "utf8") }));
const injector = createInjector().provideValue("getLogger", () => silent).provideValue("logger", silent);
const options = { plugins: null, excludedMutations: EXCLUDED, ignorers: [] };
const made = await injector.injectFunction(createInstrumenter).instrument(files, options);
const texts = Object.fromEntries(made.files.map(file => [file.name, file.content]));
const kept = made.mutants.filter(({ status }) => status !== "Ignored");
const changes = kept.map(({ id, fileName, location, replacement }) => ({ id, fileName, location, replacement }));
console.log(JSON.stringify({ texts, changes }));
