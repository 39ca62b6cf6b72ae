"""What a rack must be and whether it is: pure, `now` passed in."""
