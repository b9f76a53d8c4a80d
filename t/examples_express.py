"""The example of debian/examples that npm has the framework of.

Run with NGINX_BINARY and MODULE in the environment, and with Express
installed in the folder that EXPRESS names.
"""

import os
import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parent / "lib"))

import examples  # noqa: E402
from examples import ACCOUNT, OTHER_ACCOUNT, buyer  # noqa: E402
from launch import free_port  # noqa: E402


class Express(examples.Example):
    name = "express"

    @classmethod
    def replaced(cls):
        cls.backend = free_port()
        return {"127.0.0.1:3000": f"127.0.0.1:{cls.backend}"}

    @classmethod
    def start_application(cls):
        modules = cls.folder / "example/node_modules"
        modules.symlink_to(f"{os.environ['EXPRESS']}/node_modules")
        cls.start("node", "example/application.js", address=cls.backend,
                  env={**os.environ, "PORT": str(cls.backend)})

    def test_notes_of_two_customers(self):
        clients = self.client(), self.client()
        for client, account in zip(clients, (ACCOUNT, OTHER_ACCOUNT)):
            self.registration(client, buyer(account))
            status, _, _ = client.ask("/notes", f"of {account}".encode(),
                                      **{"Content-Type": "text/plain"})
            self.assertEqual(status, 204)

        for client, account in zip(clients, (ACCOUNT, OTHER_ACCOUNT)):
            _, _, text = client.ask("/notes")
            self.assertEqual(text, f'["of {account}"]')


if __name__ == "__main__":
    unittest.main()
