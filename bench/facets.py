"""Facet detection in characters a second against the atproto SDK and @atproto/api, on one corpus."""

from __future__ import annotations

import argparse
import json
import subprocess
import time

from bench.measure import machine, print_table
from tests.support.pds import prepared_node
from tests.support.processes import ROOT

SENTENCES = (
    "Good morning @alice.bsky.social, the numbers are at https://example.com/numbers?of=today #statistics.",
    "Plain words without any sign of a link, as most posts are, one after the other, until the end of the line.",
    "Überraschung: 100 % (siehe example.org/seite) "
    "👩\u200d👩\u200d👧\u200d👦 #größe $TSLA, und noch mehr Text dahinter!",
    "日本語のテキストと #ハッシュタグ と https://example.jp/ページ を混ぜる。",
)
NODE = """
import { RichText } from 'API'
import fs from 'node:fs'
const { texts, rounds } = JSON.parse(fs.readFileSync(0, 'utf8'))
const run = () => { for (const text of texts) new RichText({ text }).detectFacetsWithoutResolution() }
run()
const began = process.hrtime.bigint()
for (let i = 0; i < rounds; i++) run()
console.log(Number(process.hrtime.bigint() - began) / 1e9)
"""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="script/bench facets", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    chosen = parser.parse_args(arguments)
    characters = chosen.rounds * sum(map(len, SENTENCES))
    seconds = {"skywrite": ours(chosen.rounds), "atproto SDK": sdk(chosen.rounds), "@atproto/api": node(chosen.rounds)}
    print(f"{chosen.rounds} rounds of {len(SENTENCES)} texts on {machine()}\n")
    rows = [
        [name, f"{characters / taken / 1e6:.2f} million", f"{seconds['skywrite'] / taken:.2f}"]
        for name, taken in seconds.items()
    ]
    print_table(["library", "characters a second", "speed / skywrite"], rows)


def ours(rounds: int) -> float:
    """Seconds for the corpus, after a first pass."""
    from skywrite.protocol.bsky.richtext import detect_facets

    return _timed(detect_facets, rounds)


def sdk(rounds: int) -> float:
    """The SDK detects in a client, which resolves mentions: those are answered at once."""
    from atproto import Client, models

    client = Client()
    answer = models.ComAtprotoIdentityResolveHandle.Response(did="did:plc:ewvi7nxzyoun6zhxrhs64oiz")
    client.resolve_handle = lambda handle: answer
    return _timed(client.detect_facets, rounds)


def _timed(detect: object, rounds: int) -> float:
    assert callable(detect)
    for text in SENTENCES:
        detect(text)
    began = time.perf_counter()
    for _ in range(rounds):
        for text in SENTENCES:
            detect(text)
    return time.perf_counter() - began


def node(rounds: int) -> float:
    """The reference client, in a process of its own that times itself."""
    script = NODE.replace("API", str(ROOT / "bench/peers/node_modules/@atproto/api/dist/index.js"))
    command = [prepared_node("peers"), "--input-type=module", "-e", script]
    given = json.dumps({"texts": SENTENCES, "rounds": rounds})
    return float(subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout)
