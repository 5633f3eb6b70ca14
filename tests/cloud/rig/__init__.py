"""A real OpenStack on 127.0.0.1, of Debian's packages: keystone, two glance, nova, neutron, cinder, swift.

`python -m tests.cloud.rig up` and `down` do by hand what the fixtures of tests/cloud do for a session of tests.
"""
