"""Tags and searches of Niconico, and its short links.

yt-dlp reads the site's pages, whose form changed (its issue #14069). These read the site's documented interface for whole
result lists instead, "snapshot search API v2" (https://site.nicovideo.jp/search-api-docs/snapshot): it is made anew each
day at 5:00 Japan time, so what was uploaded since comes a day later.
"""
import urllib.parse

from yt_dlp.extractor.common import InfoExtractor
from yt_dlp.extractor.niconico import NicovideoSearchURLIE, NicovideoTagURLIE
from yt_dlp.utils import ExtractorError, parse_iso8601

ENDPOINT = 'https://snapshot.search.nicovideo.jp/api/v2/snapshot/video/contents/search'
# The most that one answer holds, and the furthest that one may begin.
PAGE, DEEPEST = 100, 100_000
# What the site's own pages call an order: f by upload, v by views, m by mylists, r by comments, n by the last comment,
# l by length.
ORDERS = {
    'f': 'startTime', 'v': 'viewCounter', 'm': 'mylistCounter', 'r': 'commentCounter', 'n': 'lastCommentTime',
    'l': 'lengthSeconds', 'likeCount': 'likeCounter',
}


class _Found:
    """The videos that a query finds: the first page at once, each further one when somebody wants it."""

    def __init__(self, ie, words, targets, query):
        self.ie, self.words = ie, words
        sort = ORDERS.get(query.get('sort', ['f'])[0], 'startTime')
        sign = '+' if query.get('order', ['d'])[0] == 'a' else '-'
        self.query = {
            'q': words, 'targets': targets, 'fields': 'contentId,title,startTime,lengthSeconds,tags,userId,channelId',
            '_sort': sign + sort, '_limit': str(PAGE), '_context': 'horahora',
        }
        for name, bound in (('start', 'gte'), ('end', 'lte')):
            if day := query.get(name, [''])[0]:
                time = 'T00:00:00+09:00' if name == 'start' else 'T23:59:59+09:00'
                self.query[f'filters[startTime][{bound}]'] = day + time
        self.by_time, self.skipped = self.query['_sort'] == '-startTime', 0
        self.first, self.total = self._page(0, 'Downloading page 1')

    def _page(self, offset, note):
        answer = self.ie._download_json(
            ENDPOINT, self.words, query={**self.query, '_offset': str(offset)}, note=note,
            headers={'User-Agent': 'horahora'})
        meta = answer.get('meta') or {}
        if meta.get('status') != 200:
            raise ExtractorError(
                f'the search says {meta.get("errorCode") or meta.get("status")}: {meta.get("errorMessage") or ""}',
                expected=True)
        return answer.get('data') or [], meta.get('totalCount')

    def skip(self, count):
        """Leaves out whole pages of the beginning; gives how many videos those have."""
        self.skipped = min(count, DEEPEST - PAGE, self.total or 0) // PAGE * PAGE if self.by_time else 0
        return self.skipped

    def __iter__(self):
        seen, rows, offset, number = set(), self.first, self.skipped, 1
        if offset:
            rows, _ = self._page(offset, f'Downloading from {offset}')
        while True:
            fresh = [row for row in rows if row.get('contentId') and row['contentId'] not in seen]
            for row in fresh:
                seen.add(row['contentId'])
                yield self.ie.url_result(
                    f'https://www.nicovideo.jp/watch/{row["contentId"]}', 'Niconico', row['contentId'], row.get('title'),
                    timestamp=parse_iso8601(row.get('startTime')), duration=row.get('lengthSeconds'),
                    uploader_id=_made_by(row), tags=(row.get('tags') or '').split())
            if len(rows) < PAGE:
                return
            offset, number = offset + PAGE, number + 1
            if offset >= DEEPEST:
                # Further down only what is older than the last one can be asked for.
                last = rows[-1].get('startTime')
                if not self.by_time or not fresh or not last:
                    self.ie.report_warning(f'only the first {DEEPEST} results can be listed in this order')
                    return
                self.query['filters[startTime][lte]'], offset = last, 0
            rows, _ = self._page(offset, f'Downloading page {number}')


def _made_by(row):
    """What yt-dlp calls the uploader of a video: the channel's id with its letters, or the user's number."""
    channel, user = row.get('channelId'), row.get('userId')
    return f'ch{channel}' if channel else str(user) if user else None


def _listed(ie, url, targets):
    words = urllib.parse.unquote_plus(ie._match_id(url) or '')
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
    found = _Found(ie, words, targets, query)
    return ie.playlist_result(found, words, words, playlist_count=found.total)


class HorahoraTagIE(NicovideoTagURLIE, plugin_name='horahora'):
    def _real_extract(self, url):
        return _listed(self, url, 'tagsExact')


class HorahoraSearchIE(NicovideoSearchURLIE, plugin_name='horahora'):
    def _real_extract(self, url):
        return _listed(self, url, 'title,description,tags')


class NicoMsIE(InfoExtractor):
    IE_NAME = 'niconico:short'
    IE_DESC = 'nico.ms short links'
    _VALID_URL = r'https?://nico\.ms/(?P<id>(?!lv)(?:[a-z]{2})?\d+)(?:[?#]|$)'

    def _real_extract(self, url):
        ident = self._match_id(url)
        return self.url_result(f'https://www.nicovideo.jp/watch/{ident}', 'Niconico', ident)
