"""Prints where a page of a package index (PEP 503) has a file: index-link.py PAGE FILE, with the page's text as input."""

import html.parser
import sys
import urllib.parse


class Links(html.parser.HTMLParser):
    def __init__(self, page, name):
        super().__init__()
        self.page, self.name, self.found = page, name, None

    def handle_starttag(self, tag, attrs):
        href = dict(attrs).get("href") if tag == "a" else None
        if href is None:
            return
        # The checksum that an index adds is not asked: the plan has its own.
        url = urllib.parse.urldefrag(urllib.parse.urljoin(self.page, href)).url
        if urllib.parse.unquote(urllib.parse.urlsplit(url).path).rpartition("/")[2] == self.name:
            self.found = url


links = Links(sys.argv[1], sys.argv[2])
links.feed(sys.stdin.read())
if links.found is None:
    sys.exit(1)
print(links.found)
