"""Makes wheels of the installed yt-dlp under other versions, one of them broken.

usage: wheels.py FOLDER GOOD_VERSION BROKEN_VERSION
"""
import pathlib
import sys
import zipfile

import yt_dlp
import yt_dlp_ejs

FOLDER, GOOD, BROKEN = sys.argv[1:4]


def wheel(module, name, version, spoil):
    root = pathlib.Path(module.__file__).parent
    info = f'{name}-{version}.dist-info'
    with zipfile.ZipFile(f'{FOLDER}/{name}-{version}-py3-none-any.whl', 'w') as file:
        for path in sorted(root.rglob('*')):
            if path.is_dir() or '__pycache__' in path.parts:
                continue
            inside = f'{root.name}/{path.relative_to(root)}'
            text = path.read_bytes()
            if inside == 'yt_dlp/version.py':
                text = f'__version__ = {version!r}\nRELEASE_GIT_HEAD = VARIANT = UPDATE_HINT = None\nCHANNEL = ORIGIN = "test"\n'.encode()
            if spoil and inside == 'yt_dlp/extractor/generic.py':
                text = text.replace(b'def _real_extract(self, url):', b'def _real_extract(self, url):\n        raise KeyError("changed")', 1)
            file.writestr(inside, text)
        file.writestr(f'{info}/METADATA', f'Metadata-Version: 2.1\nName: {name.replace("_", "-")}\nVersion: {version}\n')
        file.writestr(f'{info}/WHEEL', 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
        file.writestr(f'{info}/RECORD', '')


for version, spoil in ((GOOD, False), (BROKEN, True)):
    wheel(yt_dlp, 'yt_dlp', version, spoil)
    wheel(yt_dlp_ejs, 'yt_dlp_ejs', version, spoil)
