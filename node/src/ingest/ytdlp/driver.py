"""Runs yt-dlp in this process and tells what happens as lines of JSON on standard output.

usage: driver.py list|fetch|inspect SKIP MAX_ITEMS PARENT_PID FOLDER [yt-dlp options] -- URL...

`inspect` says of each URL what yt-dlp takes it for, and asks nobody. `list` leaves out about SKIP videos of a list's
beginning, where that saves asking for them.

Lines: {"t": "inspected", kind, extractor, site, id}, {"t": "source", title, count, skipped}, {"t": "list"} (one inside it is opened), {"t": "item", site, id, url, title, names, published, duration, about}, {"t": "names", names},
{"t": "progress", ...}, {"t": "done", media, info, thumbnail, texts}, {"t": "failure", kind, message}, {"t": "ask", url}. Names
are [[site, id], ...]: what yt-dlp calls the video and called it before. Before each request to a site, but for those that
download, "ask" is said and a line on standard input waited for. Exit status 0 proves nothing: only a "done" (fetch) or at
least one "item" (list) is success. A "fetch" that finds several videos tells them as items and fails with "parts". The environment variable HORAHORA_YTDLP names the folder of another yt-dlp than Python's
own.
"""
import calendar
import collections
import fcntl
import itertools
import json
import os
import re
import sys
import threading
import time
import urllib.parse

if os.environ.get('HORAHORA_YTDLP'):
    sys.path.insert(0, os.environ['HORAHORA_YTDLP'])

import yt_dlp
from yt_dlp import utils
from yt_dlp.globals import plugin_dirs
from yt_dlp.networking.exceptions import HTTPError, TransportError
from yt_dlp.plugins import load_all_plugins

MODE, SKIP, MAX_ITEMS, PARENT, FOLDER = sys.argv[1], *(int(arg) for arg in sys.argv[2:5]), sys.argv[5]
ARGS = sys.argv[6:]

WORDS = [
    ('transient', r'fragment \d+ not found'),
    # Before what asks for an account.
    ('gone', r'account\b.*\b(?:terminated|closed)'),
    ('login', r'--cookies|log ?in|sign in|private|members?[- ]only|join this channel|premium|purchase|subscri|account'),
    ('rate_limited', r'rate.?limit|try again later|wait and try|blocked by server|not a bot|captcha|\b(?:412|429|352)\b'),
    ('not_yet', r'will begin|scheduled|premieres? in|not (?:yet )?(?:available|started)|upcoming|not currently live|maintenance|temporarily'),
    ('gone', r'removed|delet|terminated|no longer available|does not exist|may not exist|not found|copyright|rights.?holder|was closed'),
]


def say(**event):
    sys.stdout.write(json.dumps(event, ensure_ascii=False) + '\n')
    sys.stdout.flush()


class Several(Exception):
    """What was to be fetched as one video is several."""

    def __init__(self, entries):
        super().__init__('these are several videos')
        self.entries = entries


class Paced(yt_dlp.YoutubeDL):
    """Asks for leave before it asks a site, until it begins to download."""
    downloads = False
    asking = threading.Lock()

    def urlopen(self, req):
        if not self.downloads:
            with self.asking:
                say(t='ask', url=req if isinstance(req, str) else getattr(req, 'url', None) or req.get_full_url())
                if not sys.stdin.readline():
                    os._exit(1)
        return super().urlopen(req)

    def process_ie_result(self, ie_result, *args, **kwargs):
        """Leaves off where there are several videos, before any of them is asked for."""
        if ie_result.get('_type') in ('playlist', 'multi_video'):
            entries = (entry for entry in ie_result.get('entries') or () if entry)
            first = list(itertools.islice(entries, 2))
            if len(first) > 1:
                raise Several(itertools.chain(first, entries))
            ie_result = {**ie_result, 'entries': first}
        return super().process_ie_result(ie_result, *args, **kwargs)


def causes(error):
    found = []
    while error is not None and error not in found and len(found) < 8:
        found.append(error)
        info = getattr(error, 'exc_info', None)
        inner = info[1] if info and info[1] is not error else None
        error = inner or getattr(error, 'cause', None) or error.__cause__
    return found


def kind_of_status(status):
    if status in (404, 410):
        return 'gone'
    if status in (412, 429):
        return 'rate_limited'
    if status in (401, 403):
        return 'forbidden'
    if status == 451:
        return 'legal'
    return 'transient' if status >= 500 or status == 408 else 'refused'


def kind_of(error):
    chain = causes(error)

    def has(*types):
        return any(isinstance(cause, types) for cause in chain)

    message = str(getattr(error, 'orig_msg', None) or error)
    status = next((cause.status for cause in chain if isinstance(cause, HTTPError)), None)
    expected = next((cause.expected for cause in chain if isinstance(cause, utils.ExtractorError)), None)
    if has(utils.GeoRestrictedError):
        return 'geo'
    if has(utils.UnsupportedError):
        return 'unsupported'
    if has(utils.UserNotLive):
        return 'not_yet'
    if status is not None:
        return kind_of_status(status)
    if has(TransportError, utils.ContentTooShortError, TimeoutError, ConnectionError):
        return 'transient'
    for kind, words in WORDS:
        if re.search(words, message, re.I) and (expected is not False or kind != 'gone'):
            return kind
    if has(utils.PostProcessingError):
        return 'postprocess'
    if has(OSError):
        return 'local_io'
    return 'refused' if expected else 'extractor_broken'


def fail(kind, message):
    message = re.sub(r'\x1b\[[0-9;]*m', '', str(message)).removeprefix('ERROR: ')
    say(t='failure', kind=kind, message=message[:500])


def guard():
    """Ends this process when the node that started it is gone."""
    while os.getppid() == PARENT:
        time.sleep(0.5)
    os._exit(1)


def own(folder):
    """Waits until an earlier run of ours has left the folder."""
    lock = open(os.path.join(folder, '.lock'), 'w')
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def names_of(ydl, info):
    """Its name in yt-dlp's download archive, then those that it had there before."""
    names = [ydl._make_archive_id(info), *(info.get('_old_archive_ids') or ())]
    return [name.split(' ', 1) for name in names if name and ' ' in name]


def published(info):
    """Seconds since 1970; of a day its beginning."""
    day = info.get('upload_date')
    return info.get('timestamp') or (calendar.timegm(time.strptime(day, '%Y%m%d')) if day else None)


ABOUT = ('uploader', 'channel', 'creator', 'artist', 'uploader_id', 'channel_id', 'uploader_url', 'channel_url', 'tags')


def about(info):
    """Who made it and its tags, under the names of info.json."""
    return {key: info[key] for key in ABOUT if isinstance(info.get(key), (str, list))}


def read_by(ydl, entry):
    """The extractor that an entry of a list is for: its key and itself."""
    key = entry.get('ie_key')
    ies = [(key, ydl.get_info_extractor(key))] if key else ydl._ies.items()
    return next(((key, ie) for key, ie in ies if ie.suitable(entry['url'])), (None, None))


def name_by_url(ydl, info):
    """Some lists give addresses alone: those tell the id, too."""
    if not info.get('id') and info.get('_type') in ('url', 'url_transparent'):
        key, ie = read_by(ydl, info)
        if ie and key != 'Generic':
            info['id'], info['ie_key'] = ident_of(key, ie, info['url']), key
    return info


def tell_item(ydl, info, url):
    url, _ = utils.unsmuggle_url(url)
    names = names_of(ydl, name_by_url(ydl, info))
    if not names and info.get('_type') in ('url', 'url_transparent'):
        # A feed's entries are files anywhere: the node names them by their addresses.
        names = [['generic', 'x']]
    if names:
        site, ident = names[0]
        say(t='item', site=site, id=ident, url=url, title=info.get('title'), names=names[1:],
            published=published(info), duration=info.get('duration'), about=about(info))
        return 1
    return 0


def follow(ydl, url):
    info = ydl.extract_info(url, download=False, process=False)
    for _ in range(5):
        if not info or info.get('_type') not in ('url', 'url_transparent'):
            break
        url = info['url']
        info = ydl.extract_info(url, ie_key=info.get('ie_key'), download=False, process=False)
    return info, url


# A channel has tabs, a tab of lists has lists, a list has lists at some sites.
DEEPEST = 4
# More than any channel has.
MOST_LISTS = 1_000
# An inner list that fails so is left out: the rest is still worth having.
LEFT_OUT = ('gone', 'legal', 'geo', 'login', 'forbidden', 'refused', 'unsupported', 'extractor_broken')


def address(entry):
    return entry.get('webpage_url') or entry.get('url')


def is_list(ydl, entry):
    """Whether an entry of a list is a list itself."""
    if entry.get('_type') in ('playlist', 'multi_video'):
        return True
    if entry.get('_type') not in ('url', 'url_transparent') or not entry.get('url'):
        return False
    key, ie = read_by(ydl, entry)
    return ie is not None and listed(key, ie, entry['url'])


def inner(ydl, entry):
    """The entries of a list inside a list."""
    url = address(entry)
    if entry.get('_type') not in ('playlist', 'multi_video'):
        entry, url = follow(ydl, entry['url'])
    if entry and entry.get('_type') not in ('playlist', 'multi_video'):
        yield {**entry, 'webpage_url': address(entry) or url}
    elif entry:
        yield from entry.get('entries') or ()


def videos(ydl, entries):
    """The videos of a list and of the lists in it. They take turns: what is new in one of them comes early."""
    lists, links, opened, found, error = collections.deque([(iter(entries), 0)]), set(), 0, False, None
    while lists:
        entries, depth = lists.popleft()
        try:
            entry = next(entries)
        except StopIteration:
            continue
        except Exception as failed:
            if not depth or kind_of(failed) not in LEFT_OUT:
                raise
            error = failed
            continue
        lists.append((entries, depth))
        link = entry.get('url') if entry and entry.get('_type') in ('url', 'url_transparent') else None
        if not entry or link in links:
            continue
        if link:
            links.add(link)
        if not is_list(ydl, entry):
            found = True
            yield entry
        elif depth < DEEPEST and opened < MOST_LISTS:
            opened += 1
            say(t='list')
            lists.append((inner(ydl, entry), depth + 1))
    if error and not found:
        raise error


def after(ydl, entries, skip):
    """The entries behind the first ones, and how many those are: none where they would be asked for all the same, or where
    the entries are lists, whose videos were counted."""
    if isinstance(entries, utils.OnDemandPagedList):
        if skip and any(entry and is_list(ydl, entry) for entry in entries.getslice(0, 1)):
            skip = 0
        return entries._getslice(skip, None), skip
    if skip and hasattr(entries, 'skip'):
        return entries, entries.skip(skip)
    return entries, 0


def list_source(ydl, url):
    info, url = follow(ydl, url)
    if not info:
        return fail('unsupported', 'There is nothing to archive at this address.')
    if info.get('_type') not in ('playlist', 'multi_video'):
        if not tell_item(ydl, info, info.get('webpage_url') or url):
            fail('unsupported', 'There is no video at this address.')
        return None
    entries, skipped = after(ydl, info.get('entries') or (), SKIP)
    say(t='source', title=info.get('title') or info.get('id'), count=info.get('playlist_count'), skipped=skipped)
    count = skipped
    for entry in itertools.islice(videos(ydl, entries), MAX_ITEMS):
        count += tell_item(ydl, entry, address(entry) or url)
    if not count:
        fail('unsupported', 'The list at this address is empty.')
    return None


# What is neither said to be a list nor a video, by the name of its extractor.
LISTS = re.compile(r'Tab$|History|WatchLater|Favou?rites|Recommended|Subscriptions|Notifications|Playlist|Search|Channel|User')
# Sites that have extractors for all that can be archived there: the rest of their pages is not tried.
KNOWN = re.compile(
    r'https?://(?:[\w-]+\.)*(?:nicovideo\.jp|nico\.ms|bilibili\.com|bilibili\.tv|youtube\.com|youtu\.be)(?:[:/?#]|$)', re.I)
CUT_OFF = ('YoutubeTruncatedID', 'YoutubeTruncatedURL')


def watched(key, url):
    """The video that is meant: whoever copies the link of a video inside a list means the video."""
    found = key == 'YoutubeTab' and re.search(r'/watch\?(?:.*&)?v=([\w-]{11})(?:[&#]|$)', url)
    return found[1] if found else None


def listed(key, ie, url):
    sort = getattr(ie, '_RETURN_TYPE', None)
    return not watched(key, url) and bool(sort == 'playlist' or (sort != 'video' and LISTS.search(key)))


def ident_of(key, ie, url):
    """The id that the video will have, as far as the URL tells."""
    if key == 'BiliBili':
        found = ie._match_valid_url(url).groupdict()
        if found['prefix'].upper() != 'BV':
            return None
        part = re.search(r'[?&]p=(\d+)', url)
        return f'BV{found["id"]}' + (f'_p{part[1]}' if part else '')
    try:
        return urllib.parse.unquote(ie.get_temp_id(url) or '') or None
    except (AttributeError, IndexError):
        return None


def inspect(ydl, url):
    key, ie = next(((key, ie) for key, ie in ydl._ies.items() if ie.suitable(url)), (None, None))
    if ie is None or key in CUT_OFF or (key == 'Generic' and KNOWN.match(url)):
        return say(t='inspected', kind='unsupported', extractor=None, site=None, id=None)
    video = watched(key, url)
    ident = video or ident_of(key, ie, url)
    name = {'YoutubeYtBe': 'Youtube', 'NicoMs': 'Niconico'}.get(key, 'Youtube' if video else key)
    site = re.sub(r'[+].*|[:_ ](?:tab|url)$', '', name if name != key else ie.IE_NAME).replace(':', ' ').lower()
    return say(
        t='inspected', kind='playlist' if listed(key, ie, url) else 'video', extractor=name.lower(), site=site, id=ident)


def show_progress(status):
    info = status.get('info_dict') or {}
    if status.get('status') not in ('downloading', 'finished') or info.get('ext') in ('json', 'vtt', 'xml', 'srt'):
        return
    say(t='progress', file=os.path.basename(status.get('filename') or ''), bytes=status.get('downloaded_bytes') or 0,
        total=status.get('total_bytes') or status.get('total_bytes_estimate'),
        files=len(info.get('requested_formats') or ()) or 1,
        part=status.get('fragment_index'), parts=status.get('fragment_count'))


def forget_secrets(info):
    """The metadata is archived for everyone; the operator's login and signed addresses are not."""
    secret = re.compile(r'^(?:cookies|http_headers|authorization)$', re.I)
    if isinstance(info, dict):
        for key in [key for key in info if isinstance(key, str) and secret.match(key)]:
            del info[key]
    for value in list(info.values()) if isinstance(info, dict) else info if isinstance(info, list) else ():
        forget_secrets(value)


def clean_metadata(path):
    if path and os.path.isfile(path):
        with open(path, encoding='utf-8') as file:
            info = json.load(file)
        forget_secrets(info)
        # They stand in files of their own.
        for track in itertools.chain.from_iterable((info.get('subtitles') or {}).values()):
            track.pop('data', None)
        with open(path + '.new', 'w', encoding='utf-8') as file:
            json.dump(info, file, ensure_ascii=False)
        os.replace(path + '.new', path)
    return path


def texts(info):
    for lang, track in (info.get('requested_subtitles') or {}).items():
        path = track.get('filepath')
        if path and os.path.isfile(path):
            yield [lang, track.get('ext') or 'txt', path]


def parts_of(info):
    return info.get('requested_formats') or [info]


def fetch(ydl, url):
    try:
        info = ydl.extract_info(url, download=False)
    except Several as several:
        # A list of uploads does not say how many parts each one has.
        for entry in itertools.islice(videos(ydl, several.entries), MAX_ITEMS):
            tell_item(ydl, entry, address(entry) or url)
        return fail('parts', several)
    if info and info.get('_type') in ('playlist', 'multi_video'):
        info = next(iter(info.get('entries') or ()), None)
    if not info:
        return fail('unsupported', 'There is no video at this address.')
    if info.get('live_status') in ('is_live', 'is_upcoming', 'post_live'):
        return fail('not_yet', 'This is a live stream that has not ended yet.')
    say(t='names', names=names_of(ydl, info))
    if unwanted := ydl._match_entry(info):
        return fail('unwanted', unwanted)
    size = sum(part.get('filesize') or part.get('filesize_approx') or 0 for part in parts_of(info))
    if ydl.params.get('max_filesize') and size > ydl.params['max_filesize']:
        return fail('unwanted', f'it has about {size} bytes, more than wanted')
    # The formats are chosen and encrypted ones are left out by now. From here on this setting only keeps
    # picture and sound apart as the site sent them; without it yt-dlp gives up for want of ffmpeg.
    ydl.params['allow_unplayable_formats'] = True
    # The node counts: yt-dlp would hold each piece against it, and call one that is too large missing.
    ydl.params['max_filesize'] = None
    ydl.downloads = True
    ydl.process_info(info)
    words = ydl.params.get('skip_download')
    media = [] if words else [part['filepath'] for part in parts_of(info) if part.get('filepath')]
    if not words and not media or not all(os.path.isfile(path) for path in media):
        return fail('refused', 'yt-dlp ended without a file.')
    thumbnails = [t['filepath'] for t in info.get('thumbnails') or () if t.get('filepath')]
    say(t='done', media=media, info=clean_metadata(info.get('infojson_filename')), thumbnail=next(iter(thumbnails), None),
        texts=list(texts(info)))
    return None


def main():
    parsed = yt_dlp.parse_options(['--ignore-config', '--no-color', '--quiet', '--no-progress', '--no-warnings', *ARGS])
    plugin_dirs.value = parsed.options.plugin_dirs
    load_all_plugins()
    options = dict(parsed.ydl_opts, ignoreerrors=False, logtostderr=True)
    if MODE == 'fetch':
        lock = own(FOLDER)
        options['progress_hooks'] = [show_progress]
    else:
        lock = None
        options['lazy_playlist'] = True
    with Paced(options) as ydl:
        if MODE == 'inspect':
            return [inspect(ydl, url) for url in parsed.urls]
        try:
            (list_source if MODE == 'list' else fetch)(ydl, parsed.urls[0])
        except Exception as error:  # every failure becomes a typed line
            fail(kind_of(error), error)
    return lock


threading.Thread(target=guard, daemon=True).start()
main()
