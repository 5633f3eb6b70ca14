# Names that are no text need bytes, which Path does not take.
# ruff: noqa: PTH101, PTH103, PTH120, PTH123
"""plant.py: put secrets of every kind into a machine, and things that only look like them. Runs inside.

Prints a JSON list of [path, kind]; an empty kind says that it must not be found.
"""

import json
import os
import sys

PEM = b"-----BEGIN RSA PRIVATE KEY-----\nplanted\n-----END RSA PRIVATE KEY-----\n"
OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----\nplanted\n-----END OPENSSH PRIVATE KEY-----\n"
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nplanted\n-----END CERTIFICATE-----\n"
CORE = b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x04\0" + b"planted" * 9
PROGRAM = b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x02\0" + b"planted" * 9

HOME: dict[bytes, tuple[str, bytes]] = {
    b".ssh/id_ed25519": ("ssh-key", OPENSSH),
    b".ssh/cluster": ("ssh-key", PEM),
    b".ssh/id_ed25519.pub": ("", b"ssh-ed25519 AAAA planted\n"),
    b".ssh/known_hosts": ("", b"example ssh-ed25519 AAAA\n"),
    b".ssh/authorized_keys": ("authorized-keys", b"# me\nssh-ed25519 AAAA planted\n"),
    b".aws/credentials": ("cloud", b"[default]\naws_secret_access_key = planted/x\n"),
    b".aws/config": ("", b"[default]\nregion = eu-west-1\n"),
    b".config/openstack/clouds.yaml": ("cloud", b"clouds: {x: {auth: {password: planted}}}\n"),
    b"project-openrc.sh": ("cloud", b"export OS_USERNAME=x\nexport OS_PASSWORD='planted'\n"),
    b"asking-openrc.sh": ("", b"read -sr P\nexport OS_PASSWORD=$P\n"),
    b".config/gcloud/credentials.db": ("cloud", b"planted"),
    b"service-account.json": ("cloud", b'{"type": "service_account", "private_key": "planted"}'),
    b".azure/msal_token_cache.json": ("cloud", b'{"AccessToken": {"planted": 1}}'),
    b".kube/config": ("kubernetes", b"users: [{user: {token: planted}}]"),
    b".oci/key.pem": ("cloud", PEM),
    b".config/rclone/rclone.conf": ("storage", b"[x]\npass = planted\n"),
    b".s3cfg": ("storage", b"secret_key = planted\n"),
    b".passwd-s3fs": ("storage", b"planted:planted\n"),
    b".netrc": ("netrc", b"machine x login y password planted\n"),
    b".pgpass": ("database", b"*:*:*:*:planted\n"),
    b".my.cnf": ("database", b"[client]\npassword=planted\n"),
    b".git-credentials": ("git", b"https://x:planted@github.com\n"),
    b".gitconfig": ("", b"[user]\nname = x\n"),
    b"code/.git/config": ("git", b'[remote "origin"]\nurl = https://x:planted@github.com/a\n'),
    b"other/.git/config": ("", b'[remote "origin"]\nurl = https://github.com/a\n'),
    b".config/gh/hosts.yml": ("git", b"github.com:\n  oauth_token: planted\n"),
    b".docker/config.json": ("packages", b'{"auths": {"x": {"auth": "planted"}}}'),
    b".npmrc": ("packages", b"//registry/:_authToken=planted\n"),
    b".pypirc": ("packages", b"[pypi]\npassword = planted\n"),
    b".jupyter/jupyter_server_config.json": ("notebook", b'{"IdentityProvider": {"hashed_password": "planted"}}'),
    b".jupyter/jupyter_lab_config.py": ("", b"# c.ServerApp.token = ''\n"),
    b".local/share/jupyter/runtime/jpserver-7.json": ("notebook", b'{"token": "planted"}'),
    b".local/share/jupyter/runtime/notebook_cookie_secret": ("notebook", b"planted"),
    b".condarc": ("science", b"channels: [https://conda.anaconda.org/t/pl-anted/x]\n"),
    b".cache/huggingface/token": ("science", b"planted"),
    b".config/wandb/settings": ("science", b"api_key = planted\n"),
    b".kaggle/kaggle.json": ("science", b'{"key": "planted"}'),
    b".Renviron": ("environment", b"GITHUB_PAT=planted\n"),
    b"app/.env": ("environment", b"DEBUG=1\nDB_PASSWORD=planted1\n"),
    b"app2/.env": ("", b"DEBUG=1\nSECRET_FILE=/run/x\nUSE_TOKEN=true\n# PASSWORD=planted1\n"),
    b".bashrc": ("", b"alias ll='ls -l'\nHISTCONTROL=ignoreboth\n"),
    b".profile": ("environment", b"export OPENAI_API_KEY=planted\n"),
    b".vscode-server/.abc.token": ("editor", b"planted"),
    b".config/code-server/config.yaml": ("editor", b"auth: password\npassword: planted\n"),
    b"me.keytab": ("kerberos", b"\x05\x02planted"),
    b".gnupg/private-keys-v1.d/AB.key": ("gnupg", b"(21:protected-private-key planted"),
    b"site.ovpn": ("vpn", b"<key>\n" + PEM + b"</key>\n"),
    b"web.pem": ("tls-key", CERTIFICATE + PEM),
    b"ca.pem": ("", CERTIFICATE),
    b"login.key": ("ssh-key", OPENSSH),
    b"store.jks": ("tls-key", b"planted"),
    b".mozilla": ("browser", b"firefox/x/key4.db"),
    b".password-store": ("password-store", b"mail.gpg"),
    b"keys.kdbx": ("password-store", b"planted"),
    b".bash_history": ("history", b"mysql -pplanted\n"),
    b".python_history": ("history", b"planted\n"),
    b".psql_history": ("history", b""),
    b"mbox": ("mail", b"From planted\n"),
    b".vnc/passwd": ("remote-screen", b"planted"),
    b"backup.sql": ("dump", b"-- MySQL dump 10.13\nINSERT INTO x VALUES ('planted');\n"),
    b"schema.sql": ("", b"CREATE TABLE x (y int);\n"),
    b"work/core": ("core", CORE),
    b"work2/core": ("", PROGRAM),
    b".smbcredentials": ("mount-password", b"password=planted\n"),
    b"matlab/network.lic": ("licence", b"INCREMENT planted\n"),
    b"a b/.netrc": ("netrc", b"machine x password planted\n"),
    b"line\nbreak\t/.netrc": ("netrc", b"machine x password planted\n"),
    b"caf\xe9 \\x41 $(id) 'q'/id_rsa": ("ssh-key", OPENSSH),
    b"-n *[a]/.pgpass": ("database", b"*:*:*:*:planted\n"),
}
SYSTEM: dict[bytes, tuple[str, bytes]] = {
    b"/etc/ssl/private/site.key": ("tls-key", PEM),
    b"/etc/letsencrypt/archive/x/privkey1.pem": ("tls-key", PEM),
    b"/etc/krb5.keytab": ("kerberos", b"\x05\x02planted"),
    b"/etc/wireguard/wg0.conf": ("vpn", b"[Interface]\nPrivateKey = planted\n"),
    b"/etc/NetworkManager/system-connections/Home Wi-Fi.nmconnection": ("wifi", b"[wifi-security]\npsk=planted\n"),
    b"/etc/NetworkManager/system-connections/eth.nmconnection": ("", b"[ipv4]\nmethod=auto\n"),
    b"/etc/machine-id": ("machine-id", b"0123456789abcdef0123456789abcdef\n"),
    b"/etc/systemd/system/web.service": ("unit", b"[Service]\nEnvironment=API_TOKEN=planted\nExecStart=/bin/true\n"),
    b"/etc/systemd/system/plain.service": ("", b"[Service]\nEnvironment=LANG=C\nExecStart=/bin/true\n"),
    b"/etc/default/web": ("environment", b"WEB_SECRET=planted\n"),
    b"/etc/default/grub": ("", b"GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX=\n"),
    b"/etc/crontab": ("", b"17 * * * * root run-parts /etc/cron.hourly\n"),
    b"/etc/cron.d/fetch": ("crontab", b"1 * * * * root curl https://x:planted@y/z\n"),
    b"/etc/pki/entitlement/1-key.pem": ("subscription", PEM),
    b"/etc/puppet/ssl/private_keys/x.pem": ("management", PEM),
    b"/etc/mysql/debian.cnf": ("database", b"[client]\npassword = planted\n"),
    b"/var/lib/cloud/instances/i-1/user-data.txt": ("cloud-init", b"#cloud-config\npassword: planted\n"),
    b"/var/lib/cloud/instances/i-1/vendor-data.txt": ("", b""),
    b"/var/spool/mail/scientist": ("mail", b"From planted\n"),
    b"/var/spool/cron/crontabs/scientist": ("crontab", b"1 * * * * PASSWORD=planted /bin/x\n"),
    b"/var/tmp/krb5cc_1000": ("", b"planted"),
    b"/tmp/krb5cc_1000": ("", b"planted, but in memory only"),
    b"/var/lib/postgresql/.pgpass": ("database", b"*:*:*:*:planted\n"),
    b"/opt/app/.env": ("environment", b"API_KEY=planted\n"),
    b"/srv/www/wp-config.php": ("database", b"define('DB_PASSWORD', 'planted');\n"),
    b"/application/.netrc": ("netrc", b"machine x password planted\n"),
    b"/application/run/conf/id_rsa": ("ssh-key", OPENSSH),
    b"/application/node_modules/x/id_rsa": ("", OPENSSH),
}


def put(path: bytes, content: bytes, owner: int) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, 0o600)
    os.chown(path, owner, owner)


def main() -> None:
    told: list[tuple[str, str]] = []
    for home, owner in ((b"/root", 0), (b"/home/scientist", 1000), (b"/home/r\xe9my", 1001)):
        for name, (kind, content) in HOME.items():
            path = home + b"/" + name
            whole_folder = name in (b".mozilla", b".password-store")
            put(path + b"/" + content if whole_folder else path, b"planted" if whole_folder else content, owner)
            told.append((path.decode("latin-1"), kind if content else ""))
    for path, (kind, content) in SYSTEM.items():
        put(path, content, 0)
        told.append((path.decode("latin-1"), kind))
    json.dump(told, sys.stdout)


main()
