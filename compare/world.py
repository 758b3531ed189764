"""The filled database that every recording begins with: each kind of thing, in each state, made by the ways in.

What lives here: what there is, and how examples call it. What does not: running anything (`stage`), and what is asked.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from compare.pages import forms_of
from compare.requests import Answer, Caller, signed_in, with_key
from compare.stage import Stage, Unplayable, at
from compare.web import picture

ACCOUNTS = ("alice.test", "bob.test", "dave.test")
STRANGER = "carol.test"
SCOPES = ("read", "draft", "schedule", "publish", "manage")
VERIFIER = "v" * 50
ACCOUNT_BOXES = re.compile(r'name="(account-[^"]+)"')
ROLES = ("viewer", "writer", "approver", "owner")
# Monday morning, when everything is written; Wednesday, when it is looked at.
WRITTEN, A_DAY_LATER, LOOKED_AT = at("2026-03-16T07:00"), at("2026-03-17T07:30"), at("2026-03-18T10:00")
FILES = {
    "posts/spring.md": "---\nat: 2026-03-21 09:00 Europe/Berlin\nlangs: [en]\n---\nSpring is here. #garden\n",
    "posts/later.md": "---\ndraft: yes\n---\nAn idea that waits.\n",
    "wrong/broken.md": "---\nat: yesterday or so\n---\nNo time is this.\n",
    "plan.csv": "text,at,key\nFrom a table,2026-03-24 09:00,row-1\nAnother row,2026-03-25 09:00,row-2\n",
    "wrong.csv": "text,at\nGood,2026-03-24 09:00\nBad,sometime\n",
    "buffer.csv": "Text,Image URL,Tags,Posting Time\nFrom elsewhere,,news,2026-03-26 10:00\n",
    "rows.jsonl": '{"text": "From a line", "at": "2026-03-27T09:00:00Z"}\n{"text": "Now", "key": "line-2"}\n',
    "pool.txt": "First of the pool\n---\nSecond of the pool\n",
    "text.txt": "A text from a file, with a #tag and a @bob.test\n",
    "story.txt": ("One sentence follows another, and none of them is short. " * 12).strip() + "\n",
    "en.vtt": "WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n",
}
# What the server takes while one post is due whose image is larger.
SMALL_BYTES = 100
# What a notice says, kept in a file.
NOTE = 'echo "$SKYWRITE_NOTICE_SUBJECT: $SKYWRITE_NOTICE_TEXT" >>notices.txt'
Names = dict[str, str]


def fill(stage: Stage, url: str) -> Names:
    """Fill the database; the names by which examples call what is in it."""
    names = {"web": url, "pds": f"http://localhost:{stage.port}"}
    _write_files(stage.work)
    _sign_in(stage)
    _publish(stage, names)
    _schedule(stage, names)
    _add_sources(stage, names, url)
    _add_by_http(stage, names, url)
    stage.fill_by(lambda: _answer_and_like(stage))
    stage.box.blob_limit, limit = SMALL_BYTES, stage.box.blob_limit
    for stage.now in (A_DAY_LATER, LOOKED_AT):
        stage.fill("run", "--once", "--threads", "1", "--log", "none", may_fail=True)
        stage.box.blob_limit = limit
    stage.fill_by(lambda: _keep_app_draft(stage))
    stage.fill("inbox", "--collect")
    _finish(stage, names)
    stage.keep()
    return names


def _write_files(work: Path) -> None:
    for name, text in FILES.items():
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_text(text)
    (work / "sun.png").write_bytes(picture("gold"))
    (work / "big.png").write_bytes(picture("black", 1600, 1600))


def _sign_in(stage: Stage) -> None:
    for handle in ACCOUNTS:
        stage.fill(
            "login", handle, "--app-password-stdin", standard_input=stage.box.account(handle).app_password + "\n"
        )
    stage.box.account(STRANGER)
    settings = ("zone=Europe/Berlin", "inbox=yes", "langs=en", "late=hold:2h", "max_per_day=50", "undo_seconds=20")
    stage.fill("set", *settings, "--account", "alice.test")
    stage.fill("set", "approval=agents", "zone=America/New_York", "gap_seconds=60", "--account", "bob.test")
    stage.fill("slots", "mon 9:00,17:30; thu 12:00", "--account", "alice.test")
    stage.fill("use", "alice.test")


def _number(document: Any) -> str:
    """The number that a command or an operation gave to what it made."""
    if isinstance(document, list):
        return _number(document[0])
    keys = ("recurrence_id", "recurrence", "id", "post_id", "number")
    number = next((document[key] for key in keys if document.get(key) is not None), None)
    if number is None:
        raise Unplayable(f"there is no number in {document}")
    return str(number)


def _made(stage: Stage, names: Names, name: str, *words: str) -> None:
    """Make something by a command, and remember its number under a name."""
    names[name] = _number(json.loads(stage.fill(*words, "--json").out))


def _publish(stage: Stage, names: Names) -> None:
    image = ("--image", "sun.png", "--alt", "The sun")
    _made(stage, names, "published", "post", f"Good morning! #bakery @bob.test {names['web']}/news/1", *image)
    _made(stage, names, "popular", "post", "The ovens are hot.", "--tag", "bread", "--label", "graphic-media")
    _made(stage, names, "of-bob", "post", "Bob is here", "--account", "bob.test")
    stage.fill("thread", "--file", "story.txt", "--split", "--numbering", "1/n", "--replies", "mentioned")


def _schedule(stage: Stage, names: Names) -> None:
    _made(stage, names, "scheduled", "post", "Weekend at last", "--at", "fri 17:00", "--key", "weekend")
    _made(stage, names, "with-image", "post", "A picture", "--at", "fri 18:00", "--image", "sun.png", "--alt", "Sun")
    _made(stage, names, "thread", "thread", "--file", "story.txt", "--split", "--at", "sat 10:00")
    _made(stage, names, "bobs", "post", "Bob says hello", "--at", "thu 12:00", "--account", "bob.test")
    _made(stage, names, "slotted", "post", "In a slot", "--next-slot")
    _made(stage, names, "due", "post", "Due on Tuesday", "--at", "tue 9:00", "--late", "publish")
    _made(stage, names, "missed", "post", "Missed on Tuesday", "--at", "tue 10:00", "--late", "skip:1h")
    _made(stage, names, "late", "post", "Too late on Tuesday", "--at", "tue 11:00", "--late", "hold:1h")
    _made(stage, names, "daves", "post", "Dave cannot post", "--at", "thu 9:00", "--account", "dave.test")
    _schedule_failing(stage, names)
    _made(stage, names, "draft", "post", "An idea for spring: rhubarb", "--draft")
    _made(stage, names, "held", "post", "Wait for me", "--at", "thu 8:00")
    stage.fill("hold", names["held"])
    _made(stage, names, "cancelled", "post", "Never mind", "--at", "thu 10:00")
    stage.fill("cancel", names["cancelled"])
    every = ("--zone", "Europe/Berlin", "--until", "2026-06-01")
    _made(stage, names, "recurring", "post", "It is Friday!", "--every", "fridays 14:00", *every)
    _made(stage, names, "pooled", "post", "--every", "0 8 * * *", "--pool", "pool.txt")
    _made(stage, names, "bobs-recurring", "post", "Bob again", "--every", "weekdays 9:00", "--account", "bob.test")
    _made(stage, names, "repost", "repost", names["published"], "--at", "thu 18:00", "--undo-after", "24h")
    _made(stage, names, "pin", "pin", names["popular"], "--at", "thu 19:00")
    stage.fill("repost", names["of-bob"], "--every", "mondays 9:00")
    _made(stage, names, "follow-up", "follow-up", names["popular"], "--when", "50 likes", "--reply", "Thank you!")
    stage.fill("follow-up", names["popular"], "--when", "1 likes", "--repost")


def _add_sources(stage: Stage, names: Names, url: str) -> None:
    _made(stage, names, "feed", "feed", "add", f"{url}/feed.xml", "--backfill", "2", "--every", "1h")
    stage.fill("sync", "posts")
    _made(stage, names, "command", "command", "add", "echo It is warm", "--every", "0 6 * * *", "--zone", "UTC")
    _made(stage, names, "notice", "notices", "add", "command", NOTE, "--quiet", "22:00-7:00")
    email = ("me@x.example", "--from", "bot@x.example", "--server", "127.0.0.1:9")
    stage.fill("notices", "add", "email", *email)
    for name, allowed in (("key", SCOPES), ("reader", SCOPES[:1]), ("drafter", SCOPES[:2])):
        scopes = [word for scope in allowed for word in ("--scope", scope)]
        key = json.loads(stage.fill("keys", "add", "--name", name, *scopes, "--json").out)
        names[name], names[f"{name}-secret"] = _number(key), key["key"]
    words = ("keys", "add", "--name", "bobs", "--scope", "read", "--scope", "draft", "--account", "bob.test")
    names["bobs-key-secret"] = json.loads(stage.fill(*words, "--until", "2026-12-01", "--json").out)["key"]
    stage.fill("oauth", "init", "https://me.example", "--folder", ".")
    # Checking its files would ask the network.
    stage.fill("oauth", "use", "loopback")


def _checked(answer: Answer) -> Any:
    if answer.status >= 400:
        raise Unplayable(f"{answer.status} {answer.text}")
    return answer.json()


def _add_by_http(stage: Stage, names: Names, web: str) -> None:
    """What only the server takes: people, agents, webhooks, calendars, uploads, and what keys write."""
    with stage.served(stays=True) as (url, link):
        owner, key = signed_in(url, link), with_key(url, names["key-secret"])

        def made(name: str, path: str, document: Mapping[str, Any], caller: Caller = key) -> Any:
            answer = _checked(caller.json("POST", f"/api/v1{path}", document))
            names[name] = _number(answer)
            return answer

        for role in ROLES:
            invited = made(role, "/people", {"name": f"A {role}", "role": role}, owner)
            names[f"{role}-session"] = signed_in(url, urlsplit(invited["sign_in"]).path).headers["cookie"]
        made("hook", "/hooks", {"name": "releases", "kind": "github", "template": "{{ release.name }}"})
        names["hook-name"] = "releases"
        made("snippet", "/snippets", {"name": "hours", "text": "Open daily from 9 to 6."})
        names["snippet-name"] = "hours"
        made("way", "/ways", {"url": f"{web}/answer"})
        made("webhook", "/webhooks", {"url": f"{web}/hook", "name": "all"})
        made("bobs-webhook", "/webhooks", {"url": f"{web}/hook", "account": "bob.test", "kinds": ["post.published"]})
        made("delivery", f"/webhooks/{names['webhook']}/test", {})
        calendar = made("calendar", "/calendars", {"name": "team"})
        names |= {f"{kind}-path": urlsplit(calendar[kind]).path for kind in ("calendar", "rss") if kind in calendar}
        upload = key.ask(
            "POST", "/api/v1/media?name=sea.png", body=picture("navy"), headers={"content-type": "image/png"}
        )
        names["media"] = _checked(upload)["media"]
        drafter = with_key(url, names["drafter-secret"])
        written = {"text": "An agent wrote this", "account": "bob.test", "at": "2026-03-20T09:00:00Z", "draft": True}
        made("proposed", "/posts", written, drafter)
        made("proposed-too", "/posts", {**written, "text": "And this, too", "key": "agent-2"}, drafter)
        wanted = {"text": "A key scheduled this", "account": "bob.test", "at": "2026-03-20T12:00:00Z"}
        made("waiting", "/posts", wanted, key)
        every = {"text": "Each day by a key", "account": "bob.test", "every": "0 7 * * *"}
        made("waiting-recurring", "/recurrences", every, key)
        _let_agent_in(names, owner, url)


def _let_agent_in(names: Names, owner: Caller, url: str) -> None:
    """A program registers, and its owner lets it in."""
    back = "http://127.0.0.1/back"
    client = _checked(
        owner._replace(headers={}).json("POST", "/register", {"client_name": "An agent", "redirect_uris": [back]})
    )
    question = {
        "response_type": "code",
        "client_id": client["client_id"],
        "redirect_uri": back,
        "state": "state",
        "code_challenge": urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).decode().rstrip("="),
        "code_challenge_method": "S256",
        "resource": f"{url}/mcp",
        "scope": "read draft",
    }
    names["authorize"] = f"/authorize?{urlencode(question)}"
    (form,) = [form for form in forms_of(owner.ask("GET", names["authorize"]).text) if form.action == "/authorize"]
    chosen = dict.fromkeys(ACCOUNT_BOXES.findall(owner.ask("GET", names["authorize"]).text), "on")
    allowed = owner.form("/authorize", {**dict(form.fields), **chosen, "decision": "allow"})
    code = dict(parse_qsl(urlsplit(allowed.headers["location"]).query))["code"]
    grant = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, "redirect_uri": back}
    asked = {**grant, "client_id": client["client_id"], "resource": question["resource"]}
    names["agent-token"] = _checked(Caller(url).form("/token", asked))["access_token"]


def _answer_and_like(stage: Stage) -> None:
    """What others do with posts of ours: likes, a reply, a mention."""
    ours, carol = stage.box.posts("alice.test"), _carol(stage)
    for post in ours[:2]:
        carol.like(post.uri, post.cid)
    carol.send_post("Lovely! Do you open on Sundays?", reply_to=ours[0].uri)
    carol.send_post("The best rolls in town", reply_to=ours[1].uri)
    carol.send_post("Have you met @alice.test?")


def _schedule_failing(stage: Stage, names: Names) -> None:
    """A post whose image the server refuses when it is due."""
    image = ("--image", "big.png", "--alt", "Too large")
    _made(stage, names, "failed", "post", "The server takes no such image", "--at", "tue 8:00", *image)


def _carol(stage: Stage) -> Any:
    """A stranger, signed in."""
    from skywrite import Client

    carol = Client(f"http://localhost:{stage.port}")
    carol.login(STRANGER, stage.box.account(STRANGER).app_password)
    return carol


def _keep_app_draft(stage: Stage) -> None:
    """A draft that somebody wrote in the official app."""
    box = Caller(f"http://localhost:{stage.port}/xrpc")
    login = {"identifier": "alice.test", "password": stage.box.account("alice.test").app_password}
    session = _checked(box.json("POST", "/xrpc/com.atproto.server.createSession", login))
    alice = box._replace(headers={"authorization": f"Bearer {session['accessJwt']}"})
    draft = {"draft": {"posts": [{"text": "Written on the phone"}]}}
    _checked(alice.json("POST", "/xrpc/app.bsky.draft.createDraft", draft))


def _finish(stage: Stage, names: Names) -> None:
    """What has a number now, or is only there at the end."""
    for number, item in enumerate(json.loads(stage.fill("inbox", "--json").out), 1):
        names[f"item-{number}"] = _number(item)
    stage.fill("logout", "dave.test")
    published = json.loads(stage.fill("show", names["published"], "--json").out)
    names["uri"] = published["uri"]
    names["rkey"] = published["uri"].rpartition("/")[2]
    names["digest"] = json.loads(stage.fill("approve", names["waiting"], "--json", may_fail=True).out).get(
        "digest", "none"
    )
    with stage.served(stays=True) as (url, link):
        for caller in (signed_in(url, link), with_key(url, names["key-secret"])):
            kind = {"content-type": "image/png", "sec-fetch-site": "same-origin"}
            sent = caller.ask("POST", "/api/v1/media?name=sea.png", body=picture("navy"), headers=kind)
            names["media"] = _checked(sent)["media"]
        names["review-path"] = _review_path(signed_in(url, link), names)
    # One post is due when everything is looked at.
    _made(stage, names, "due-now", "post", "Due in a minute", "--at", "in 1 minute")
    stage.now += timedelta(minutes=5)
    stage.fill("move", names["scheduled"], "fri 17:30")
    names["alices-password"] = stage.box.account("alice.test").app_password
    names["bobs-password"] = stage.box.account("bob.test").app_password


def _review_path(owner: Caller, names: Names) -> str:
    """Where a person without an account decides about the post that waits for an approval."""
    fields = {"digest": names["digest"], "reviewer": "Zoe", "days": "7"}
    shown = owner.form(f"/approvals/{names['waiting']}/link", fields)
    match = re.search(r"/review/[\w-]+", shown.text)
    return match[0] if match else "/review/none"
