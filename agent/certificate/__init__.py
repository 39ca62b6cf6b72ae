"""What people read of a record: the certificate, as a page and as PDF."""
