"""Photo files of eight kinds that were misread, lost something or revealed too much: the right results and f2a's.

``python -m tests.photo.faults`` makes them, relights them and writes the table in docs/photo_faults.md;
``tests/photo/test_photo_faults.py`` checks each row. Needs exiftool, ImageMagick, libjpeg-turbo's programs and cjxl
(Debian: libimage-exiftool-perl imagemagick libjpeg-turbo-progs libjxl-tools), and for some files those in shared/faults
next to the checkout.
"""
