"""From records to rows: collected, merged, judged, and put into one table a track."""
