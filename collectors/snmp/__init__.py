"""SNMP v1 and v2c: planned requests, learnt layouts, one socket for all devices."""
