"""Speech to text with speakers told apart, by Azure: in real time, or a file at a time, or whichever suits."""
