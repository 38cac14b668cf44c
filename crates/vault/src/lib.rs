//! Sealed secrets: OTA keys, gateway passwords, the pepper, under one master key.
