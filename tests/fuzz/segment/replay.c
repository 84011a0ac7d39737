/*
 * Runs a fuzzer's inputs once each and nothing else: for a build that counts branches.
 * Usage: replay FOLDER...
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void
replay_file(const char *folder, const char *name)
{
    static uint8_t data[1 << 16];
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (!file)
        return;
    LLVMFuzzerTestOneInput(data, fread(data, 1, sizeof data, file));
    fclose(file);
}

int
main(int argc, char **argv)
{
    uint32_t n = 0;
    int i;

    for (i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        struct dirent *entry;
        while (folder && (entry = readdir(folder)))
            if (entry->d_name[0] != '.') {
                replay_file(argv[i], entry->d_name);
                n++;
            }
        if (folder)
            closedir(folder);
    }
    printf("%u inputs\n", n);
    return !n;
}
