"""`Skywrite`: the verbs of the product, over one database.

What lives here: what each verb means, put together from the layers below. What does not: parsing of command lines and
printing (`cli`), rules of the queue (`queue`), the network (`publish`).
"""

from skywrite.app.facade import Skywrite
from skywrite.app.posting import Ready, Scheduled, Sent

__all__ = ["Ready", "Scheduled", "Sent", "Skywrite"]
