"""Campaigns: labels of one's own, which find and count posts, and which readers never see."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from skywrite import Skywrite
from skywrite.features.insight.stats import grouped
from skywrite.queue.marks import Mark
from tests.support.serving import Server
from tests.support.world import World


def test_a_campaign_is_kept_and_not_published(world: World, sky: Skywrite) -> None:
    """It is in the queue, through edits and copies, and in no record."""
    number = sky.posts.schedule("Rhubarb", at="in 1 day", campaign="Spring").post_id
    sky.posts.edit(number, text="Rhubarb again")
    copied = sky.bulk.copy([number], by="1d").posts[0].post
    sent = sky.post("Out", campaign="Spring")
    kept = [sky.posts.get(post).post.draft.get("campaign") for post in (number, copied.id, sent.id)]
    assert (["Spring"] * 3, False) == (kept, "Spring" in json.dumps(world.records()))


def test_lists_show_one_campaign(world: World, sky: Skywrite) -> None:
    """What waits and what is over; another one, and posts without any, stay out."""
    for name in ("Spring", "Summer", None):
        sky.posts.schedule(f"Waits {name}", at="in 1 day", campaign=name)
        sky.post(f"Out {name}", campaign=name)
    waiting = [entry.post.text for entry in sky.posts.each(campaign="Spring")]
    over = [entry.post.text for entry in sky.posts.each_finished(campaign="Spring")]
    assert (["Waits Spring"], ["Out Spring"]) == (waiting, over)


def test_the_api_lists_and_plans_one_campaign(quiet_server: Server) -> None:
    """With a parameter; the plan says which campaign each post has."""
    owner = quiet_server.as_owner()
    owner.post("/posts", {"text": "Of a campaign", "at": "2031-05-06T09:00:00Z", "campaign": "Ä & B"})
    posts = owner.get("/posts", params={"campaign": "Ä & B"}).json()["posts"]
    days = {"from": "2031-05-06T00:00:00Z", "to": "2031-05-07T00:00:00Z"}
    planned = owner.get("/plan", params=days).json()["posts"]
    assert (["Of a campaign"], ["Ä & B"]) == (
        [post["text"] for post in posts],
        # Other tests plan posts on this server, too.
        [post["campaign"] for post in planned if post["campaign"]],
    )


def test_stats_count_by_campaign() -> None:
    """Posts of one campaign together, those without one apart."""
    at = datetime(2026, 11, 24, tzinfo=UTC)
    marks = [
        Mark(number, "", "did:plc:a", None, at, 24, at, "text", likes, 0, 0, 0, 0, campaign=name)
        for number, (name, likes) in enumerate([("Spring", 2), ("Spring", 3), ("", 7)])
    ]
    assert [("Spring", 5), ("none", 7)] == [(one.name, one.sums["likes"]) for one in grouped(marks, "campaign", UTC)]
