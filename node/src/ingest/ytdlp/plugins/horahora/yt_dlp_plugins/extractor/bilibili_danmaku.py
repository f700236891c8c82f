"""All danmaku of Bilibili.

yt-dlp offers them as comment.bilibili.com/CID.xml, which ends after about 90 minutes of a video. The site's own player
reads segments of six minutes instead, messages of the form

    DmSegMobileReply { repeated DanmakuElem elems = 1 }
    DanmakuElem { id = 1, progress = 2, mode = 3, fontsize = 4, color = 5, midHash = 6, content = 7, ctime = 8, weight = 9,
                  action = 10, pool = 11, idStr = 12, attr = 13 }

These become one XML of the usual shape (track `danmaku`) and stay as they came (track `danmaku_segments`). When one of
them cannot be had, the XML of the site is offered, as before.
"""
import base64
import json
import math
import re
from xml.sax.saxutils import escape

from yt_dlp.extractor.bilibili import BiliBiliBangumiIE, BilibiliCheeseIE, BilibiliCheeseSeasonIE, BiliBiliIE
from yt_dlp.networking.exceptions import RequestError
from yt_dlp.utils import ExtractorError

ENDPOINT = 'https://api.bilibili.com/x/v2/dm/web/seg.so'
SEGMENT_S = 360
# 40 hours: more than the site takes.
MOST_SEGMENTS = 400
# A segment holds some thousand comments, which is less than one of these.
MOST_BYTES = 32 << 20
VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
# What an XML document may not hold, however it is written.
NOT_XML = re.compile('[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')


def _varint(data, at):
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        value |= (data[at] & 0x7f) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value & (1 << 64) - 1, at
    raise ValueError('a number does not end')


def _fields(data):
    """The fields of a message as (number, value): an int, or bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == VARINT:
            value, at = _varint(data, at)
        else:
            if kind == BYTES:
                length, at = _varint(data, at)
            elif kind in (EIGHT_BYTES, FOUR_BYTES):
                length = 8 if kind == EIGHT_BYTES else 4
            else:
                raise ValueError(f'a field of kind {kind}')
            if length > len(data) - at:
                raise ValueError('a field does not end')
            value, at = data[at:at + length], at + length
        yield key >> 3, value


def _comments(segment):
    """What a segment's elements say, as (attribute p, text)."""
    for number, element in _fields(segment):
        if number != 1:
            continue
        if not isinstance(element, bytes):
            raise ValueError('an element that is no message')
        fields = dict(_fields(element))

        def number_of(field):
            value = fields.get(field, 0)
            if not isinstance(value, int):
                raise ValueError(f'field {field} is no number')
            return value - (1 << 64) if value >> 63 else value

        def text_of(field):
            value = fields.get(field, b'')
            if not isinstance(value, bytes):
                raise ValueError(f'field {field} is no text')
            return value.decode('utf-8', 'replace')

        progress, mode, size, colour, sent = map(number_of, (2, 3, 4, 5, 8))
        weight, pool = number_of(9), number_of(11)
        ident = text_of(12) or str(number_of(1))
        yield (f'{progress / 1000:.5f},{mode},{size},{colour},{sent},{pool},{text_of(6)},{ident},{weight}', text_of(7))


def _xml(cid, segments):
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<i><chatserver>chat.bilibili.com</chatserver><chatid>{cid}</chatid>']
    for segment in segments:
        for p, text in _comments(segment):
            p, text = NOT_XML.sub('', p), NOT_XML.sub('', text)
            p, text = escape(p, {'"': '&quot;'}), escape(text, {'\r': '&#13;'})
            lines.append(f'<d p="{p}">{text}</d>')
    return '\n'.join([*lines, '</i>', ''])


def _segments(ie, video_id, cid, aid, count):
    query = {'type': 1, 'oid': cid, **({'pid': aid} if aid else {})}
    for index in range(1, count + 1):
        # 304 is how the site says that there is nothing.
        answer = ie._request_webpage(
            ENDPOINT, video_id, note=f'Downloading danmaku {index} of {count}', errnote='Unable to download danmaku',
            query={**query, 'segment_index': index}, headers=ie._HEADERS, expected_status=304)
        data = answer.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError('a segment is too large')
        yield data


def _with_segments(ie, info, duration=None):
    """The same info with all danmaku, wherever it offers those of the XML."""
    entries = info.get('entries')
    if entries is not None:
        duration = info.get('duration') if info.get('_type') == 'multi_video' else None
        more = (_with_segments(ie, entry, duration) for entry in entries)
        return {**info, 'entries': list(more) if isinstance(entries, list) else more}
    tracks = (info.get('subtitles') or {}).get('danmaku') or [{}]
    found = re.search(r'/(\d+)\.xml$', tracks[0].get('url') or '')
    count = math.ceil((info.get('duration') or duration or 0) / SEGMENT_S)
    if not found or not 0 < count <= MOST_SEGMENTS:
        return info
    cid = int(found[1])
    aid = ie._aids.get(cid) or next(
        (old[1] for name in info.get('_old_archive_ids') or () if (old := re.search(r' (\d+)_part\d+$', name))), None)
    try:
        segments = list(_segments(ie, info.get('id'), cid, aid, count))
        xml = _xml(cid, segments)
    except (ExtractorError, RequestError, ValueError, OSError) as error:
        ie.report_warning(f'Only the first danmaku can be had: {error}', video_id=info.get('id'))
        return info
    came = json.dumps({'cid': cid, 'segments': [base64.b64encode(segment).decode() for segment in segments]})
    return {**info, 'subtitles': {
        **info['subtitles'],
        'danmaku': [{**tracks[0], 'data': xml}],
        'danmaku_segments': [{'ext': 'json', 'data': came}],
    }}


class HorahoraBiliBiliIE(BiliBiliIE, plugin_name='horahora'):
    _aids = {}

    def _real_extract(self, url):
        return _with_segments(self, super()._real_extract(url))


class HorahoraBangumiIE(BiliBiliBangumiIE, plugin_name='horahora'):
    _aids = {}

    def _get_subtitles(self, video_id, cid, aid=None):
        self._aids = {cid: aid}
        return super()._get_subtitles(video_id, cid, aid=aid)

    def _real_extract(self, url):
        return _with_segments(self, super()._real_extract(url))


class HorahoraCheeseIE(BilibiliCheeseIE, plugin_name='horahora'):
    _aids = {}

    def _get_subtitles(self, video_id, cid, aid=None):
        self._aids = {cid: aid}
        return super()._get_subtitles(video_id, cid, aid=aid)

    def _real_extract(self, url):
        return _with_segments(self, super()._real_extract(url))


class HorahoraCheeseSeasonIE(BilibiliCheeseSeasonIE, plugin_name='horahora'):
    _aids = {}

    def _get_subtitles(self, video_id, cid, aid=None):
        self._aids = {cid: aid}
        return super()._get_subtitles(video_id, cid, aid=aid)

    def _real_extract(self, url):
        return _with_segments(self, super()._real_extract(url))
