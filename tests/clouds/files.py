"""Login files as Horizon writes them, and others."""

from __future__ import annotations

V3 = """\
#!/usr/bin/env bash
# To use an OpenStack cloud you need to authenticate against the Identity
# service named keystone, which returns a **Token** and **Service Catalog**.
# *NOTE*: Using the 3 *Identity API* doesn't mean that "any" other `API` is $version 3.
export OS_AUTH_URL="{url}"

export OS_PROJECT_ID="{project}"
export OS_PROJECT_NAME="gauss lab"
export OS_USER_DOMAIN_NAME="Default"
if [ -z "$OS_USER_DOMAIN_NAME" ]; then unset OS_USER_DOMAIN_NAME; fi
export OS_PROJECT_DOMAIN_ID="default"
if [ -z "$OS_PROJECT_DOMAIN_ID" ]; then unset OS_PROJECT_DOMAIN_ID; fi

# unset v2.0 items in case set
unset OS_TENANT_ID
unset OS_TENANT_NAME

export OS_USERNAME="{user}"

# With Keystone you pass the keystone password.
echo "Please enter your OpenStack Password for project $OS_PROJECT_NAME as user $OS_USERNAME: "
read -sr OS_PASSWORD_INPUT
export OS_PASSWORD="$OS_PASSWORD_INPUT"

export OS_REGION_NAME="{region}"
# Don't leave a blank variable, unset it if it was empty
if [ -z "$OS_REGION_NAME" ]; then unset OS_REGION_NAME; fi

export OS_INTERFACE="public"
export OS_IDENTITY_API_VERSION="3"
"""

CREDENTIAL = """\
#!/usr/bin/env bash

export OS_AUTH_TYPE=v3applicationcredential
export OS_AUTH_URL={url}
export OS_IDENTITY_API_VERSION=3
export OS_REGION_NAME="{region}"
export OS_INTERFACE=public
export OS_APPLICATION_CREDENTIAL_ID=3d2f
export OS_APPLICATION_CREDENTIAL_SECRET={secret}
"""

V2 = """\
#!/usr/bin/env bash
export OS_AUTH_URL=https://cloud.example.org:5000/v2.0
export OS_TENANT_ID=9c1d
export OS_TENANT_NAME="gauss"
unset OS_PROJECT_ID
unset OS_PROJECT_NAME
export OS_USERNAME="ada"
read -sr OS_PASSWORD_INPUT
export OS_PASSWORD=$OS_PASSWORD_INPUT
export OS_ENDPOINT_TYPE=publicURL
export OS_IDENTITY_API_VERSION=2
"""

URL = "https://cloud.example.org:5000/v3"


def v3(url: str = URL, **said: str) -> str:
    """A file of Horizon's page “API Access”."""
    return V3.format(**{"url": url, "project": "9c1d", "user": "ada", "region": "RegionOne", **said})


def credential(url: str = URL, region: str = "RegionOne", secret: str = "s3cret-of-the-credential") -> str:
    """A file of Horizon's page “Application Credentials”."""
    return CREDENTIAL.format(url=url, region=region, secret=secret)
