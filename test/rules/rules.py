# SPDX-License-Identifier: BSD-2-Clause
"""What the rule tests share: walking the tree, and saying what is wrong."""
import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
CODE = ['include', 'src', 'link', 'host', 'runner', 'control', 'tools', 'lab',
        'test', 'fuzz', 'bench', 'examples']
SKIP = 77


def files(*endings, folders=CODE):
    """Every file below the folders that ends so, sorted."""
    for folder in folders:
        for path in sorted((TOP / folder).rglob('*')):
            if path.suffix in endings and path.is_file():
                yield path


def shown(path):
    return pathlib.Path(path).relative_to(TOP).as_posix()


class Report:
    """Collects findings and ends the program with them."""

    def __init__(self):
        self.wrong = []
        self.looked_at = 0

    def fail(self, path, line, text):
        where = f'{shown(path)}:{line}' if line else shown(path)
        self.wrong.append(f'{where}: {text}')

    def warn(self, path, line, text):
        print(f'warning: {shown(path)}:{line}: {text}')

    def end(self, advice=''):
        for line in self.wrong:
            print(line)
        if self.wrong:
            print(f'{len(self.wrong)} found. {advice}')
            sys.exit(1)
        if not self.looked_at:
            print('nothing looked at: this test could not have failed')
            sys.exit(1)
        print(f'{self.looked_at} looked at, all well')
        sys.exit(0)


def skip(why):
    print(f'skipped: {why}')
    sys.exit(SKIP)
