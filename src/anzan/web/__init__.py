"""The web page on which a reader can be asked: `anzan serve`.

    app = make_app(Reader.load("my-model"), "my-model")

The application is an ASGI one; `serve` runs it on uvicorn.
"""

from anzan.web.app import make_app as make_app
from anzan.web.limits import Limits as Limits
from anzan.web.server import listen as listen
from anzan.web.server import serve as serve
