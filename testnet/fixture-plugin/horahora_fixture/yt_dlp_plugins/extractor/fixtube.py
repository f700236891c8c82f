"""A yt-dlp extractor for fixtube, the made-up site that `testnet fixture` serves on 127.0.0.1, and behind its
proxies as fixtube.test.

Give yt-dlp the folder two above `yt_dlp_plugins` as --plugin-dirs: it looks into that folder's children.
"""
from yt_dlp.extractor.common import InfoExtractor
from yt_dlp.utils import ExtractorError, OnDemandPagedList

_BASE = r'(?P<base>https?://(?:127\.0\.0\.1|localhost|fixtube\.test)(?::\d+)?/fixtube)'


class _FixtubeBaseIE(InfoExtractor):
    def _ask(self, url, video_id, **kwargs):
        answer = self._download_json(url, video_id, expected_status=(403, 404, 451), **kwargs)
        word = answer.get('error') if isinstance(answer, dict) else None
        if not word:
            return answer
        if word == 'geo':
            self.raise_geo_restricted(countries=['JP'])
        if word == 'login':
            self.raise_login_required('Channel members only')
        sentence = {
            'removed': 'Video unavailable, it was removed by the uploader',
            'rights-holder': 'Removed by rights-holder request',
            'private': "Private video. Sign in if you've been granted access to this video",
            'members': 'Join this channel to get access to members-only content like this video, and other exclusive perks.',
            'terminated': 'Video unavailable. This video is no longer available because the YouTube account associated '
                          'with this video has been terminated.',
            'upcoming': 'This live event will begin in 3 hours.',
            'maintenance': 'Maintenance is in progress',
        }.get(word, f'fixtube refuses: {word}')
        raise ExtractorError(sentence, expected=True, video_id=video_id)


class FixtubeIE(_FixtubeBaseIE):
    IE_NAME = 'fixtube'
    _VALID_URL = _BASE + r'/watch/(?P<id>fx[0-9a-z]+)'

    def _real_extract(self, url):
        base, video_id = self._match_valid_url(url).group('base', 'id')
        video = self._ask(f'{base}/api/video/{video_id}', video_id)
        uploader_id = video['info']['uploader_id']
        return {
            **video['info'],
            'id': video_id,
            'webpage_url': url,
            'uploader_url': f'{base}/user/{uploader_id}',
            'formats': [self._at(base, stored) for stored in video['formats']],
            'thumbnails': [self._at(base, picture) for picture in video['thumbnails']],
            'subtitles': self.extract_subtitles(base, video_id, video['subtitles']),
            '__post_extractor': self.extract_comments(base, video_id),
        }

    @staticmethod
    def _at(base, item):
        return {'url': base + item['path'], **{key: value for key, value in item.items() if key != 'path'}}

    def _get_subtitles(self, base, video_id, languages):
        tracks = {
            language: [{'ext': 'vtt', 'url': f'{base}/subtitles/{video_id}/{language}.vtt'}]
            for language in languages
        }
        # The name and form bilibili's extractor uses.
        tracks['danmaku'] = [{'ext': 'xml', 'url': f'{base}/danmaku/{video_id}.xml'}]
        return tracks

    def _get_comments(self, base, video_id):
        yield from self._ask(f'{base}/api/comments/{video_id}', video_id, note='Downloading comments')


class FixtubeUserIE(_FixtubeBaseIE):
    IE_NAME = 'fixtube:user'
    _VALID_URL = _BASE + r'/user/(?P<id>\w+)'
    _PAGE_SIZE = 2

    def _real_extract(self, url):
        base, name = self._match_valid_url(url).group('base', 'id')

        def page(number):  # counts from 0, the site from 1
            answer = self._ask(
                f'{base}/api/user/{name}', name, note=f'Downloading page {number + 1}',
                query={'page': number + 1, 'size': self._PAGE_SIZE})
            for item in answer['items']:
                yield self.url_result(
                    f'{base}/watch/{item["id"]}', FixtubeIE, item['id'], item['title'],
                    timestamp=item['timestamp'], duration=item['duration'], uploader=answer['uploader'])

        return self.playlist_result(
            OnDemandPagedList(page, self._PAGE_SIZE), name, f'{name} の投稿動画', uploader_id=name)


class _FixtubeListBaseIE(_FixtubeBaseIE):
    _PAGE_SIZE = 3

    def _listed(self, base, path, list_id):
        """A list: its first page is asked for at once, as YouTube's extractor does."""
        def ask(number):
            return self._ask(
                f'{base}/api/{path}', list_id, note=f'Downloading page {number + 1} of {path}',
                query={'page': number + 1, 'size': self._PAGE_SIZE})

        first = ask(0)

        def page(number):
            for item in (ask(number) if number else first)['items']:
                if 'list' in item:
                    yield self.url_result(f'{base}/list/{item["list"]}', FixtubePlaylistIE, item['list'], item['title'])
                else:
                    yield self.url_result(
                        f'{base}/watch/{item["id"]}', FixtubeIE, item['id'], item['title'], duration=item.get('duration'))

        return self.playlist_result(
            OnDemandPagedList(page, self._PAGE_SIZE), list_id, first['title'], playlist_count=first['total'])


class FixtubeChannelIE(_FixtubeListBaseIE):
    IE_NAME = 'fixtube:channel'
    _VALID_URL = _BASE + r'/channel/(?P<id>\w+)/?(?:[?#]|$)'

    def _real_extract(self, url):
        base, name = self._match_valid_url(url).group('base', 'id')
        channel = self._ask(f'{base}/api/channel/{name}', name)
        first, *rest = channel['tabs']
        # As YouTube's extractor gives it: one tab as a whole, the others without an id.
        return self.playlist_result([
            self._listed(base, f'channel/{name}/{first}', name),
            *(self.url_result(f'{base}/channel/{name}/{tab}', FixtubeChannelTabIE) for tab in rest),
        ], name, channel['title'])


class FixtubeChannelTabIE(_FixtubeListBaseIE):
    IE_NAME = 'fixtube:channel:tab'
    _VALID_URL = _BASE + r'/channel/(?P<id>\w+)/(?P<tab>videos|shorts|playlists)'

    def _real_extract(self, url):
        base, name, tab = self._match_valid_url(url).group('base', 'id', 'tab')
        return self._listed(base, f'channel/{name}/{tab}', name)


class FixtubePlaylistIE(_FixtubeListBaseIE):
    IE_NAME = 'fixtube:playlist'
    _VALID_URL = _BASE + r'/list/(?P<id>\w+)'

    def _real_extract(self, url):
        base, name = self._match_valid_url(url).group('base', 'id')
        return self._listed(base, f'list/{name}', name)
