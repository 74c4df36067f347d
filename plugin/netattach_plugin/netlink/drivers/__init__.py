"""Native drivers: each creates the interfaces of one plugin's config, as the reference plugin does, over netlink."""
