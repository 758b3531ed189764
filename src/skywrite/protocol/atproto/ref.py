"""A reference to one version of a record."""

from typing import NamedTuple


class Ref(NamedTuple):
    """A record, by at-uri and the CID of its content (com.atproto.repo.strongRef)."""

    uri: str
    cid: str

    def as_dict(self) -> dict[str, str]:
        """The object that records contain."""
        return {"uri": self.uri, "cid": self.cid}
