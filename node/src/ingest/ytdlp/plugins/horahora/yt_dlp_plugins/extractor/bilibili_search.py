"""Links of Bilibili's search page. yt-dlp has its search under `bilisearch:` alone, and calls what it finds by another id
than the videos themselves have.
"""
import html
import itertools
import re
import uuid

from yt_dlp.extractor.bilibili import BilibiliBaseIE
from yt_dlp.utils import ExtractorError, int_or_none, parse_duration, parse_qs

ENDPOINT = 'https://api.bilibili.com/x/web-interface/wbi/search/type'
# The orders of the page that the interface knows, too. Newest first is the one that a followed list can stop in.
ORDERS = ('totalrank', 'click', 'pubdate', 'dm', 'stow', 'scores')


class BilibiliSearchURLIE(BilibiliBaseIE):
    IE_NAME = 'bilibili:search'
    IE_DESC = 'Bilibili search links'
    _RETURN_TYPE = 'playlist'
    _VALID_URL = r'https?://search\.bilibili\.com/(?:all|video)/?\?(?:[^#]*&)?keyword=(?P<id>[^&#]+)'

    def _page(self, words, order, number):
        answer = self._download_json(
            ENDPOINT, words, note=f'Downloading page {number}',
            query=self._sign_wbi(
                {'keyword': words, 'search_type': 'video', 'order': order, 'page': number}, words))
        if code := answer.get('code'):
            raise ExtractorError(f'the search says {code}: {answer.get("message") or ""}', expected=True)
        data = answer.get('data') or {}
        return data.get('result') or [], data

    def _entries(self, words, order, first, pages):
        for number in itertools.count(1):
            rows = first if number == 1 else self._page(words, order, number)[0]
            for row in rows:
                if not (ident := row.get('bvid')):
                    continue
                yield self.url_result(
                    f'https://www.bilibili.com/video/{ident}', 'BiliBili', ident,
                    # Found words are marked with <em>.
                    html.unescape(re.sub(r'<[^>]*>', '', row.get('title') or '')) or None,
                    timestamp=int_or_none(row.get('pubdate')), duration=parse_duration(row.get('duration')),
                    uploader=row.get('author'), uploader_id=str(row['mid']) if row.get('mid') else None,
                    tags=[tag for tag in (row.get('tag') or '').split(',') if tag])
            if not rows or number >= pages:
                return

    def _real_extract(self, url):
        # Who comes without it is taken for a machine.
        if not self._get_cookies('https://api.bilibili.com').get('buvid3'):
            self._set_cookie('.bilibili.com', 'buvid3', f'{uuid.uuid4()}infoc')
        query = parse_qs(url)
        words, order = query['keyword'][0], query.get('order', ['totalrank'])[0]
        order = order if order in ORDERS else ORDERS[0]
        first, data = self._page(words, order, 1)
        # The site gives no more than 50 pages of 20, whatever it counts.
        entries = self._entries(words, order, first, int_or_none(data.get('numPages')) or 1)
        return self.playlist_result(entries, words, words, playlist_count=int_or_none(data.get('numResults')))
