"""Checks a yt-dlp before it replaces the last good one: through the node's own driver it must say what known links are, and
download a canned video from a server in this process, byte for byte.

usage: check.py DRIVER PLUGIN_DIRS        (DRIVER is the driver's text; HORAHORA_YTDLP names the yt-dlp to be checked)
"""
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading

DRIVER, PLUGINS = sys.argv[1:3]
KNOWN = {
    'https://www.nicovideo.jp/watch/sm9': ('video', 'sm9'),
    'https://www.nicovideo.jp/tag/VOCALOID': ('playlist', 'VOCALOID'),
    'https://www.youtube.com/watch?v=dQw4w9WgXcQ': ('video', 'dQw4w9WgXcQ'),
    'https://www.bilibili.com/video/BV1GJ411x7h7': ('video', 'BV1GJ411x7h7'),
}
PAGE = b'<!doctype html><title>Canned</title><video src="/canned.mp4"></video>'
# No picture in it: yt-dlp copies bytes, and nothing else of it is asked for.
VIDEO = b'\0\0\0\x18ftypmp42\0\0\0\0mp42isom' + bytes(range(256)) * 256


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body, kind = (PAGE, 'text/html') if self.path == '/watch' else (VIDEO, 'video/mp4')
        self.send_response(200)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command == 'GET':
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


def drive(mode, folder, *args):
    command = [sys.executable, '-I', '-X', 'utf8', '-c', DRIVER, mode, '0', '1', str(os.getpid()), folder,
               '--plugin-dirs', PLUGINS, '--proxy', '', *args]
    done = subprocess.run(command, input='\n' * 100, capture_output=True, text=True, timeout=120, check=False)
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{')]
    if done.returncode or not events:
        sys.exit(f'it did not run: {done.stderr.strip()[-400:]}')
    return events


with tempfile.TemporaryDirectory() as folder:
    for (url, wanted), event in zip(KNOWN.items(), drive('inspect', folder, '--', *KNOWN), strict=True):
        if (event.get('kind'), event.get('id')) != wanted:
            sys.exit(f'it takes {url} for {event.get("kind")} {event.get("id")}')
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f'http://127.0.0.1:{server.server_address[1]}/watch'
    last = drive('fetch', folder, '-P', folder, '-o', 'media.%(ext)s', '--', url)[-1]
    if last.get('t') != 'done':
        sys.exit(f'it did not download a canned video: {last.get("message")}')
    with open(last['media'][0], 'rb') as file:
        if file.read() != VIDEO:
            sys.exit('it changed a canned video')
print('ok')
