"""Profiles drafted from a walk and MIBs: nearly right, each channel saying how sure it is."""
