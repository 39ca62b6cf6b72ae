"""The rack twin as a command: racks compiled from a spec, put on the air, driven and broken."""
