#pragma once

// There are no pages to advise about.
