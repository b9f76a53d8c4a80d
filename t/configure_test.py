"""Building in an nginx source tree, and what configure says where something
that the module needs is missing.

A library is made to look missing by giving its function another name.
"""

import pathlib
import subprocess
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent
NGINX_SOURCE = "/usr/share/nginx/src"


def make(*settings):
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            ["make", "-C", TOP, f"BUILD={folder}",
             f"MODULE={folder}/ngx_http_marketplace_module.so", *settings,
             f"{folder}/ngx_http_marketplace_module.so"],
            capture_output=True, text=True)
    return result.returncode, " ".join(result.stdout.split())


class Configure(unittest.TestCase):

    def test_in_a_source_tree(self):
        status, output = make(f"NGINX_SRC={NGINX_SOURCE}")
        self.assertEqual(status, 0, output)
        self.assertIn("built", output)

    def test_without_cjson(self):
        status, output = make("CFLAGS=-DcJSON_ParseWithLength=missing")
        self.assertNotEqual(status, 0)
        self.assertIn("ngx_http_marketplace_module needs the cJSON library "
                      "and its headers, 1.7.13 or newer (Debian: "
                      "libcjson-dev).", output)

    def test_without_openssl(self):
        status, output = make("CFLAGS=-DSSL_CTX_new=missing")
        self.assertNotEqual(status, 0)
        self.assertIn("ngx_http_marketplace_module needs the OpenSSL library "
                      "and its headers, 1.1.1 or newer (Debian: "
                      "libssl-dev).", output)

    def test_without_the_ssl_module(self):
        status, output = make(f"NGINX_SRC={NGINX_SOURCE}",
                              "NGINX_CONFIGURE=--with-compat")
        self.assertNotEqual(status, 0)
        self.assertIn("needs nginx to be configured with "
                      "--with-http_ssl_module.", output)


if __name__ == "__main__":
    unittest.main()
