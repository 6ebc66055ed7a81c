"""Prints the names of the packages that dnf would add with the given ones, dependencies included. Changes nothing."""

import sys

import dnf

with dnf.Base() as base:
    base.conf.read()
    base.conf.substitutions.update_from_etc(base.conf.installroot)
    base.conf.install_weak_deps = False
    # Plugins bring repositories too, like the one for subscriptions.
    base.init_plugins()
    base.pre_configure_plugins()
    base.read_all_repos()
    base.configure_plugins()
    base.fill_sack()
    try:
        for name in sys.argv[1:]:
            base.install(name)
        base.resolve()
    except dnf.exceptions.Error as error:
        sys.exit(str(error))
    for package in base.transaction.install_set:
        print(package.name)
