-- Whether activations and renewals of any package count in a group (spec 5): a group of packages counts its own.
(%(everyone)s or group_number = %(no_package_group)s)
