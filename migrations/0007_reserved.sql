-- The number of the keys and tokens migration: that file takes this one's place.
SELECT 1;
